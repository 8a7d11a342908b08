//! Classifies failures: about the recipient, the sender or the server.
//!
//! Uses the failed step, the reply code (RFC 5321) and the enhanced code (RFC 3463, RFC 7372), never the reply text.
//!
//! | concerns | examples | kind |
//! |---|---|---|
//! | the recipient, permanently | `550 5.1.1` after `RCPT` | [`Refused`](TransportErrorKind::Refused) |
//! | the recipient or this e-mail, temporarily | `452 4.2.2` (mailbox full), `450 4.7.1` (greylisted), `550 5.7.1` (policy) | [`Deferred`](TransportErrorKind::Deferred) |
//! | the sender or its credentials | `535`, `550 5.4.5` (quota), any 5xx after `MAIL` | [`Misconfigured`](TransportErrorKind::Misconfigured) |
//! | the server, temporarily | `421`, `4xx` after `MAIL`, `452 4.3.1` | [`Unavailable`](TransportErrorKind::Unavailable) |
//! | unknown | no reply to the content | [`OutcomeUnknown`](TransportErrorKind::OutcomeUnknown) |

use messaging_core::transport::TransportErrorKind;

/// The recipient is deferred; a reply names no pause.
pub(super) const DEFERRED: TransportErrorKind = TransportErrorKind::Deferred { retry_after: None };

/// The step of an SMTP transaction.
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
    /// The content: from here on the server may have accepted the e-mail.
    Content,
}

/// A negative reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    /// Subject and detail of the enhanced code.
    enhanced: Option<(u16, u16)>,
}

/// The kind of a failure without a reply: a lost connection or a timeout.
pub(super) fn without_reply(stage: Stage) -> TransportErrorKind {
    match stage {
        Stage::Content => TransportErrorKind::OutcomeUnknown,
        _ => TransportErrorKind::Unavailable,
    }
}

impl Reply {
    /// Creates a reply from its code and text.
    pub(super) fn new(code: u16, text: &str) -> Self {
        let enhanced = parse_enhanced(code, text);
        Self { code, enhanced }
    }

    /// Whether the server closes the connection after this reply.
    pub(super) fn closes_connection(self) -> bool {
        self.code == 421
    }

    /// The error kind of this reply.
    pub(super) fn kind(self, stage: Stage) -> TransportErrorKind {
        use TransportErrorKind::{Misconfigured, Refused, Unavailable};
        let is_permanent = self.code >= 500;
        if self.code == 421 {
            return Unavailable;
        }
        if self.concerns_sender(stage) {
            return if is_permanent { Misconfigured } else { Unavailable };
        }
        match (stage, is_permanent) {
            (Stage::Connect | Stage::Authentication | Stage::Sender, true) => Misconfigured,
            (Stage::Connect | Stage::Authentication | Stage::Sender, false) => Unavailable,
            (Stage::Recipient | Stage::Data | Stage::Content, false) => match self.enhanced {
                // The mail system, independently of the recipient: no space, not accepting, overloaded.
                Some((3, _)) => Unavailable,
                _ => DEFERRED,
            },
            (Stage::Recipient | Stage::Data | Stage::Content, true) => match self.enhanced {
                // Ownership of the recipient's mailbox or domain has changed.
                Some((7, 17 | 18)) => Refused,
                // Possibly temporary: a full mailbox, the mail system, the network, a policy.
                Some((2, 2) | (3 | 4 | 7, _)) => DEFERRED,
                None if self.code == 552 && stage == Stage::Recipient => DEFERRED,
                _ => Refused,
            },
        }
    }

    /// Whether the reply concerns the sender or its credentials, in any step.
    fn concerns_sender(self, stage: Stage) -> bool {
        // Authentication is missing, too weak, wrong, or requires encryption.
        if matches!(self.code, 530 | 534 | 535 | 538) {
            return true;
        }
        // Unknown command or parameter; after `RCPT` the address is at fault.
        if stage != Stage::Recipient && matches!(self.code, 500..=504) {
            return true;
        }
        matches!(
            self.enhanced,
            // The sender's address; the sender's quota; authentication; authentication of the sender's domain.
            Some((1, 7 | 8) | (4, 5) | (7, 8..=15 | 20..=27))
        )
    }
}

/// Parses an enhanced code at the beginning of a text: `5.1.1` is `(1, 1)`. Its class must match the reply code.
fn parse_enhanced(code: u16, text: &str) -> Option<(u16, u16)> {
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
    use Stage::{Authentication, Connect, Content, Data, Recipient, Sender};
    use TransportErrorKind::{Misconfigured, OutcomeUnknown, Refused, Unavailable};

    use super::*;

    #[test]
    fn a_reply_concerns_the_recipient_the_sender_or_the_server() {
        for (stage, code, text, expected) in [
            // The recipient, permanently.
            (Recipient, 550, "5.1.1 no such mailbox", Refused),
            (Recipient, 550, "no such mailbox", Refused),
            (Recipient, 553, "5.1.3 bad address", Refused),
            (Recipient, 501, "5.1.3 bad recipient address syntax", Refused),
            (Recipient, 504, "5.5.2 need fully-qualified address", Refused),
            (Recipient, 551, "5.7.17 mailbox owner has changed", Refused),
            (Content, 554, "5.6.0 not that", Refused),
            (Content, 552, "5.3.4 too big", DEFERRED),
            // The recipient or this e-mail, temporarily.
            (Recipient, 452, "4.2.2 mailbox full", DEFERRED),
            (Recipient, 552, "5.2.2 mailbox full", DEFERRED),
            (Recipient, 552, "mailbox full", DEFERRED),
            (Recipient, 450, "4.7.1 greylisted", DEFERRED),
            (Recipient, 450, "come back later", DEFERRED),
            (Recipient, 554, "5.7.1 relay access denied", DEFERRED),
            (Content, 451, "come back later", DEFERRED),
            (Content, 550, "5.7.1 looks like spam", DEFERRED),
            // The sender and its credentials.
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
            // The server, temporarily.
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
    fn without_a_reply_the_outcome_is_unknown_only_after_the_content() {
        for stage in [Connect, Authentication, Sender, Recipient, Data] {
            assert_eq!(without_reply(stage), Unavailable, "{stage:?}");
        }
        assert_eq!(without_reply(Content), OutcomeUnknown);
    }

    #[test]
    fn an_enhanced_code_is_first_in_the_text_and_matches_the_class_of_the_code() {
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
            assert_eq!(parse_enhanced(code, text), expected, "{code} {text}");
        }
    }
}
