//! Builds the server again when the web application has been.

fn main() {
    println!("cargo::rerun-if-changed=../web/dist");
}
