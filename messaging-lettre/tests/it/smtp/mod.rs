//! Tests with a real SMTP server.

mod contents;
mod outcomes;
mod relay_denied;
mod url;
