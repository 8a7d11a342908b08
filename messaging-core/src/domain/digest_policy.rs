//! When a digest is sent, and how much it shows.

use std::time::Duration;

use crate::{time::Timestamp, with::with};

/// When digests are sent, and how much they show; the defaults suit most users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestPolicy {
    /// The age at which an unread message is mailed. Default: 30 minutes.
    pub delay: Duration,
    /// The pause between checks of a due user who is online, or whose presence is unknown. Default: 5 minutes.
    pub look_again: Duration,
    /// The age at which a message is mailed to a user who is online, or whose presence is unknown. Default: 4 hours.
    pub online_delay: Duration,
    /// The minimum time between two e-mails to a user. Default: 30 minutes.
    pub interval: Duration,
    /// The maximum number of e-mails to a user in any 24 hours; at least 1. Default: 20.
    pub a_day: u32,
    /// The maximum number of conversations in an e-mail, the longest waiting first; at least 1. The e-mail states how
    /// many more there are. Default: 10.
    pub conversations: usize,
    /// The maximum number of messages shown per conversation, the oldest first; at least 1. Default: 3.
    pub messages: usize,
    /// After how many consecutive deferrals of one recipient the due messages count as mailed; at least 1. A deferral
    /// counts if the server has accepted an e-mail to the same domain, for any user, since this recipient's previous
    /// deferral; after seven days of deferrals, an e-mail to any domain. So a server that defers all recipients loses
    /// no digest. Default: 24, which takes about three days.
    pub deferrals: u32,
}

impl Default for DigestPolicy {
    fn default() -> Self {
        Self {
            delay: Duration::from_mins(30),
            look_again: Duration::from_mins(5),
            online_delay: Duration::from_hours(4),
            interval: Duration::from_mins(30),
            a_day: 20,
            conversations: 10,
            messages: 3,
            deferrals: 24,
        }
    }
}

/// The decision about a user with a digest due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Send the e-mail now.
    Mail,
    /// Check again at this time.
    Hold(Timestamp),
}

const DAY: Duration = Duration::from_hours(24);

/// The pause after the first deferral of a recipient.
const FIRST_PAUSE: Duration = Duration::from_mins(1);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_hours(4);

impl DigestPolicy {
    /// Decides about a user; the oldest message that the user has neither read nor been mailed was sent at `oldest`.
    ///
    /// `sent` are the times of the e-mails to the user, of the last 24 hours at least, the newest last. `is_online` is
    /// whether the user is connected; `None` if unknown.
    pub fn decide(
        &self,
        now: Timestamp,
        oldest: Timestamp,
        sent: &[Timestamp],
        is_online: Option<bool>,
    ) -> Verdict {
        let earliest = self.earliest(oldest, sent);
        if now < earliest {
            return Verdict::Hold(earliest);
        }
        if is_online == Some(false) || oldest + self.online_delay <= now {
            return Verdict::Mail;
        }
        Verdict::Hold((now + self.look_again).min(oldest + self.online_delay))
    }

    /// The earliest time of the next e-mail, whether the user is online or not.
    fn earliest(&self, oldest: Timestamp, sent: &[Timestamp]) -> Timestamp {
        let spaced = sent.iter().max().map(|last| *last + self.interval);
        // The oldest of the last `a_day` e-mails: once it is a day old, another e-mail is allowed.
        let a_day = usize::try_from(self.a_day).unwrap_or(usize::MAX);
        let mut newest_first = sent.to_vec();
        newest_first.sort_by(|a, b| b.cmp(a));
        let capped = newest_first.get(a_day.saturating_sub(1)).map(|sent| *sent + DAY);
        let times = [Some(oldest + self.delay), spaced, capped];
        times.into_iter().flatten().max().unwrap_or(oldest)
    }

    /// The pause after `deferrals` consecutive deferrals of a recipient, at least 1: 1 minute, doubled each time, at
    /// most 4 hours. `None` once the limit is reached.
    pub fn pause(&self, deferrals: u32) -> Option<Duration> {
        (deferrals < self.deferrals).then(|| pause_after(deferrals))
    }

    /// The number of a user's newest e-mails whose times a store keeps.
    pub fn remembered(&self) -> usize {
        usize::try_from(self.a_day).unwrap_or(usize::MAX).max(1)
    }

    pub(crate) fn check(&self) -> Result<(), InvalidDigestPolicy> {
        for (is_none, name) in [
            (self.a_day == 0, "a_day"),
            (self.conversations == 0, "conversations"),
            (self.messages == 0, "messages"),
            (self.deferrals == 0, "deferrals"),
            (self.look_again.is_zero(), "look_again"),
        ] {
            if is_none {
                return Err(InvalidDigestPolicy(name));
            }
        }
        Ok(())
    }
}

/// The pause after that many consecutive deferrals, without a limit.
pub(crate) fn pause_after(deferrals: u32) -> Duration {
    let doublings = deferrals.saturating_sub(1).min(16);
    (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
}

/// A policy by which no digest would ever be sent, or due users would be checked all the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} must not be zero")]
pub struct InvalidDigestPolicy(&'static str);

impl DigestPolicy {
    with! {
        with_delay delay: Duration,
        with_look_again look_again: Duration,
        with_online_delay online_delay: Duration,
        with_interval interval: Duration,
        with_a_day a_day: u32,
        with_conversations conversations: usize,
        with_messages messages: usize,
        with_deferrals deferrals: u32,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MINUTE: i64 = 60_000;
    const POLICY: fn() -> DigestPolicy = DigestPolicy::default;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_millis(minutes * MINUTE)
    }

    #[test]
    fn an_offline_user_is_mailed_after_half_an_hour() {
        assert_eq!(
            POLICY().decide(at(129), at(100), &[], Some(false)),
            Verdict::Hold(at(130))
        );
        assert_eq!(POLICY().decide(at(130), at(100), &[], Some(false)), Verdict::Mail);
    }

    #[test]
    fn a_user_online_or_of_unknown_presence_is_checked_every_five_minutes_for_four_hours() {
        for is_online in [Some(true), None] {
            let decide = |now| POLICY().decide(at(now), at(100), &[], is_online);
            assert_eq!(decide(130), Verdict::Hold(at(135)));
            assert_eq!(decide(337), Verdict::Hold(at(340)));
            assert_eq!(decide(340), Verdict::Mail);
        }
    }

    #[test]
    fn e_mails_to_a_user_are_half_an_hour_apart() {
        let decide = |now| POLICY().decide(at(now), at(100), &[at(125)], Some(false));
        assert_eq!(decide(140), Verdict::Hold(at(155)));
        assert_eq!(decide(155), Verdict::Mail);
    }

    #[test]
    fn a_user_gets_at_most_twenty_e_mails_a_day() {
        let sent: Vec<_> = (1..=20).map(|n| at(n * 40)).collect();
        let decide = |now| POLICY().decide(at(now), at(900), &sent, Some(false));
        assert_eq!(decide(1_000), Verdict::Hold(at(1_480)));
        assert_eq!(decide(1_480), Verdict::Mail);
    }

    #[test]
    fn a_deferred_recipient_is_tried_again_after_longer_pauses_for_about_three_days() {
        let pauses: Vec<_> = (1..).map_while(|n| POLICY().pause(n)).collect();
        assert_eq!(pauses[..4], [1, 2, 4, 8].map(Duration::from_mins));
        assert!(pauses.is_sorted() && pauses.last() == Some(&LONGEST_PAUSE));
        let days = pauses.iter().sum::<Duration>().as_secs_f64() / DAY.as_secs_f64();
        assert!((2.5..3.5).contains(&days), "{days} days");
        assert_eq!(POLICY().with_deferrals(1).pause(1), None);
        assert_eq!(
            POLICY().with_deferrals(u32::MAX).pause(u32::MAX - 1),
            Some(LONGEST_PAUSE)
        );
    }

    #[test]
    fn a_policy_that_mails_nothing_is_refused() {
        assert!(POLICY().check().is_ok());
        assert_eq!(POLICY().with_a_day(0).check(), Err(InvalidDigestPolicy("a_day")));
        assert_eq!(
            POLICY().with_messages(0).check(),
            Err(InvalidDigestPolicy("messages"))
        );
    }

    proptest! {
        #[test]
        fn a_hold_ends_in_the_future_and_leads_to_an_e_mail(
            oldest in 0..3_000_i64, wait in 0..3_000_i64, sent in prop::collection::vec(0..3_000_i64, 0..30),
            is_online: Option<bool>,
        ) {
            let (sent, mut now): (Vec<_>, _) = (sent.into_iter().map(at).collect(), at(oldest + wait));
            let mut looks = 0;
            while let Verdict::Hold(until) = POLICY().decide(now, at(oldest), &sent, is_online) {
                prop_assert!(until > now);
                now = until;
                looks += 1;
            }
            prop_assert!(looks <= 2 + 48, "{looks} looks");
            prop_assert!(now.since(at(oldest)) >= POLICY().delay);
            let last = sent.iter().max().copied();
            prop_assert!(last.is_none_or(|last| now >= last + POLICY().interval));
        }
    }
}
