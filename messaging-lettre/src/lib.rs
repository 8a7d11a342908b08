//! Digests of unread messages as e-mails: rendered from templates, and sent over SMTP.
//!
//! ```
//! use messaging_core::transport::mailer::{Digest, DigestConversation};
//! use messaging_lettre::{DigestMail, Links, Templates};
//!
//! struct Pages;
//!
//! impl Links for Pages {
//!     fn conversation(&self, _: &Digest, of: &DigestConversation) -> String {
//!         format!("https://tours.example/messages/{}", of.conversation_id)
//!     }
//!
//!     fn unsubscribe(&self, digest: &Digest) -> Option<String> {
//!         Some(format!("https://tours.example/e-mail/off?user={}", digest.user_id))
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mail = DigestMail::new("Tours <messages@tours.example>", Templates::default(), Pages)?;
//! # #[cfg(feature = "smtp")]
//! let mailer = messaging_lettre::SmtpMailer::from_url("smtps://user:password@mail.example", mail)?;
//! # Ok(())
//! # }
//! ```
//!
//! The mailer goes to `Messaging::builder(…).digests(mailer, DigestPolicy::default())`. English is built in; a host
//! adds [templates](Templates::with) of its own for other languages, or in place of these.
//!
//! | feature | brings |
//! |---|---|
//! | `smtp` (default) | [`SmtpMailer`]: SMTP with TLS by rustls and what the system trusts; on tokio |

mod links;
mod mail;
#[cfg(feature = "smtp")]
mod smtp;
mod templates;
mod text;
mod view;

pub use links::Links;
pub use mail::{DigestMail, InvalidFrom};
#[cfg(feature = "smtp")]
pub use smtp::{SmtpConfigError, SmtpMailer};
pub use templates::{DigestTemplates, Rendered, TemplateError, Templates};
