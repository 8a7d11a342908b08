//! What a failure says: about the recipient, about the sender, or about the server.
//!
//! By the step that failed, the reply's code (RFC 5321) and its enhanced code (RFC 3463, RFC 7372), never by its words.
//!
//! | about | for example | kind |
//! |---|---|---|
//! | the recipient, for good | `550 5.1.1` in answer to `RCPT` | [`Refused`](MailErrorKind::Refused) |
//! | the recipient or this e-mail, for now | `452 4.2.2` (mailbox full), `450 4.7.1` (greylisted), `550 5.7.1` (policy) | [`Deferred`](MailErrorKind::Deferred) |
//! | the sender, or our credentials | `535`, `550 5.4.5` (quota), any 5xx in answer to `MAIL` | [`Misconfigured`](MailErrorKind::Misconfigured) |
//! | the server, for now | `421`, `4xx` in answer to `MAIL`, `452 4.3.1` | [`Unavailable`](MailErrorKind::Unavailable) |
//! | nothing | no reply to the content | [`OutcomeUnknown`](MailErrorKind::OutcomeUnknown) |

use messaging_core::transport::mailer::MailErrorKind;

/// How far an e-mail has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The connection, the greeting, TLS.
    Connect,
    /// `AUTH`.
    Authentication,
    /// `MAIL`.
    Sender,
    /// `RCPT`.
    Recipient,
    /// `DATA`, before any content.
    Data,
    /// The content: from here on the server may have taken it.
    Content,
}

/// A negative reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    /// Subject and detail of the enhanced code.
    enhanced: Option<(u16, u16)>,
}

/// The kind of a failure without a reply: a lost connection, or the time was over.
pub(super) fn without_reply(stage: Stage) -> MailErrorKind {
    match stage {
        Stage::Content => MailErrorKind::OutcomeUnknown,
        _ => MailErrorKind::Unavailable,
    }
}

impl Reply {
    /// Of a code, and the text behind it.
    pub(super) fn new(code: u16, text: &str) -> Self {
        let enhanced = enhanced(code, text);
        Self { code, enhanced }
    }

    /// Whether the server closes the connection with it.
    pub(super) fn ends_the_connection(self) -> bool {
        self.code == 421
    }

    /// What it is about, and for how long.
    pub(super) fn kind(self, stage: Stage) -> MailErrorKind {
        use MailErrorKind::{Deferred, Misconfigured, Refused, Unavailable};
        let is_permanent = self.code >= 500;
        if self.code == 421 {
            return Unavailable;
        }
        if self.is_about_us(stage) {
            return if is_permanent { Misconfigured } else { Unavailable };
        }
        match (stage, is_permanent) {
            (Stage::Connect | Stage::Authentication | Stage::Sender, true) => Misconfigured,
            (Stage::Connect | Stage::Authentication | Stage::Sender, false) => Unavailable,
            (Stage::Recipient | Stage::Data | Stage::Content, false) => match self.enhanced {
                // The mail system, whoever the recipient: no room, not accepting, overloaded.
                Some((3, _)) => Unavailable,
                _ => Deferred,
            },
            (Stage::Recipient | Stage::Data | Stage::Content, true) => match self.enhanced {
                // Ownership of the recipient's mailbox or domain has changed.
                Some((7, 17 | 18)) => Refused,
                // What may pass: a full mailbox, the mail system, the network, a policy.
                Some((2, 2) | (3 | 4 | 7, _)) => Deferred,
                None if self.code == 552 && stage == Stage::Recipient => Deferred,
                _ => Refused,
            },
        }
    }

    /// Whether it is about the sender or our credentials, whatever it answers.
    fn is_about_us(self, stage: Stage) -> bool {
        // Authentication is missing, too weak, wrong, or wants encryption.
        if matches!(self.code, 530 | 534 | 535 | 538) {
            return true;
        }
        // A command or parameter is not known; of `RCPT` it is the address that will not do.
        if stage != Stage::Recipient && matches!(self.code, 500..=504) {
            return true;
        }
        matches!(
            self.enhanced,
            // The sender's address; our quota; authentication; authentication of the sender's domain.
            Some((1, 7 | 8) | (4, 5) | (7, 8..=15 | 20..=27))
        )
    }
}

/// The enhanced code at the beginning of a text: `5.1.1` is `(1, 1)`. Its class has to be that of the code.
fn enhanced(code: u16, text: &str) -> Option<(u16, u16)> {
    let mut numbers = text.split_whitespace().next()?.splitn(3, '.');
    let mut number = || -> Option<u16> {
        let digits = numbers.next()?;
        let is_number = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    };
    let (class, subject, detail) = (number()?, number()?, number()?);
    (class == code / 100).then_some((subject, detail))
}

#[cfg(test)]
mod tests {
    use MailErrorKind::{Deferred, Misconfigured, OutcomeUnknown, Refused, Unavailable};
    use Stage::{Authentication, Connect, Content, Data, Recipient, Sender};

    use super::*;

    #[test]
    fn a_reply_is_about_the_recipient_the_sender_or_the_server() {
        for (stage, code, text, expected) in [
            // The recipient, for good.
            (Recipient, 550, "5.1.1 no such mailbox", Refused),
            (Recipient, 550, "no such mailbox", Refused),
            (Recipient, 553, "5.1.3 bad address", Refused),
            (Recipient, 501, "5.1.3 bad recipient address syntax", Refused),
            (Recipient, 504, "5.5.2 need fully-qualified address", Refused),
            (Recipient, 551, "5.7.17 mailbox owner has changed", Refused),
            (Content, 554, "5.6.0 not that", Refused),
            (Content, 552, "5.3.4 too big", Deferred),
            // The recipient or this e-mail, for now.
            (Recipient, 452, "4.2.2 mailbox full", Deferred),
            (Recipient, 552, "5.2.2 mailbox full", Deferred),
            (Recipient, 552, "mailbox full", Deferred),
            (Recipient, 450, "4.7.1 greylisted", Deferred),
            (Recipient, 450, "come back later", Deferred),
            (Recipient, 554, "5.7.1 relay access denied", Deferred),
            (Content, 451, "come back later", Deferred),
            (Content, 550, "5.7.1 looks like spam", Deferred),
            // The sender, and our credentials.
            (
                Sender,
                550,
                "5.4.5 daily user sending limit exceeded",
                Misconfigured,
            ),
            (Sender, 553, "5.7.1 not owned by user", Misconfigured),
            (Sender, 554, "the account is suspended", Misconfigured),
            (
                Recipient,
                550,
                "5.4.5 daily user sending limit exceeded",
                Misconfigured,
            ),
            (Recipient, 550, "5.1.8 bad sender's domain", Misconfigured),
            (Content, 550, "5.7.26 unauthenticated", Misconfigured),
            (Authentication, 535, "5.7.8 wrong password", Misconfigured),
            (Sender, 530, "authentication required", Misconfigured),
            (Content, 503, "5.5.1 bad sequence of commands", Misconfigured),
            (Recipient, 530, "5.7.0 must issue STARTTLS first", Misconfigured),
            (Connect, 554, "no SMTP service here", Misconfigured),
            // The server, for now.
            (Connect, 421, "too many connections", Unavailable),
            (Sender, 451, "4.3.0 try again later", Unavailable),
            (Sender, 452, "4.3.1 no room", Unavailable),
            (Recipient, 421, "4.7.0 closing", Unavailable),
            (Recipient, 451, "4.3.2 not accepting", Unavailable),
            (Data, 451, "4.3.0 queue", Unavailable),
            (Content, 452, "4.3.1 no room", Unavailable),
            (
                Recipient,
                450,
                "4.1.8 sender's domain cannot be looked up",
                Unavailable,
            ),
            (Authentication, 454, "4.7.0 temporary failure", Unavailable),
        ] {
            assert_eq!(
                Reply::new(code, text).kind(stage),
                expected,
                "{stage:?} {code} {text}"
            );
        }
    }

    #[test]
    fn without_a_reply_only_content_may_have_been_taken() {
        for stage in [Connect, Authentication, Sender, Recipient, Data] {
            assert_eq!(without_reply(stage), Unavailable, "{stage:?}");
        }
        assert_eq!(without_reply(Content), OutcomeUnknown);
    }

    #[test]
    fn an_enhanced_code_stands_at_the_beginning_and_has_the_class_of_the_code() {
        for (code, text, expected) in [
            (550, "5.1.1 no", Some((1, 1))),
            (550, "5.7.26", Some((7, 26))),
            (450, "5.1.1 no", None),
            (550, "no 5.1.1", None),
            (550, "5.1", None),
            (550, "5.1.1234 no", None),
            (550, "5.1.x no", None),
            (550, "5.1.1.1 no", None),
            (550, "", None),
        ] {
            assert_eq!(enhanced(code, text), expected, "{code} {text}");
        }
    }
}
