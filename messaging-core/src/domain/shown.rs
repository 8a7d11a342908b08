//! The text of a message as a person is shown it.

use std::fmt;

use serde::Serialize;

use super::message::Message;

/// A message's text as a person is shown it: in answers, events, lists, notifications, e-mails and exports.
///
/// The core makes it from the stored text in one place. Today that is the whole text; whatever a later policy hides from a
/// person is hidden there, for all of these at once. The text is data, never markup: escape it where it is shown.
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Shown(String);

impl Shown {
    /// What a person is shown of a message.
    pub(crate) fn of(message: &Message) -> Self {
        Self(message.body.stored_text().to_owned())
    }

    /// Wraps a text as it is, for tests of mailers and push services.
    pub fn verbatim(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text; empty for a message of an erased user.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Shown {
    /// Shows the length only, so that no log contains the text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shown({} bytes)", self.0.len())
    }
}
