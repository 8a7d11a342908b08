//! Rebuilds the server when the web application was built.

fn main() {
    println!("cargo::rerun-if-changed=../web/dist");
}
