//! Digest e-mails about unread messages: rendered from templates and sent over SMTP.
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
//! Pass the mailer to `Messaging::builder(…).digests(mailer, DigestPolicy::default())`. English is built in; a host
//! adds [templates](Templates::with) for other languages or replaces the English ones.
//!
//! | feature | adds |
//! |---|---|
//! | `smtp` (default) | [`SmtpMailer`]: SMTP on tokio, with TLS by rustls and the system's root certificates |

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
