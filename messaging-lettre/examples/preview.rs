//! Prints a sample digest as HTML: `cargo run -p messaging-lettre --example preview > x.html`.

#[path = "../tests/it/support/digests.rs"]
mod digests;

use std::io::Write as _;

use messaging_lettre::Templates;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rendered = Templates::default().render(&digests::sample_digest(), &digests::Pages)?;
    std::io::stdout().write_all(rendered.html.as_bytes())?;
    Ok(())
}
