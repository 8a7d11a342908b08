//! Deferred users, the ends of their pauses, and how many deferrals count.

use std::collections::HashMap;

use messaging_core::{Timestamp, id::UserId};

use super::policy::POLICY;

/// The number of a process from its start to its end: a restart gets another number.
pub(super) type ProcessNumber = u64;

/// Why an e-mail was not accepted for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delay {
    /// The mail server deferred the recipient. Counts if the server accepted an e-mail of the process since the
    /// user's previous deferral. (All addresses of a run have one domain.)
    Deferred,
    /// The answer was lost, which always counts.
    Lost,
}

#[derive(Default)]
pub(super) struct Deferrals {
    /// The users deferred since their last accepted e-mail.
    users: HashMap<UserId, Deferred>,
    /// How many e-mails of each process were accepted.
    taken: HashMap<ProcessNumber, u32>,
    /// That number at the last deferral of a user by a process.
    taken_then: HashMap<(ProcessNumber, UserId), u32>,
}

struct Deferred {
    /// The number of deferrals.
    times: u32,
    /// How many of them count towards the maximum.
    counted: u32,
    /// The end of the pause.
    until: Timestamp,
}

impl Deferrals {
    /// Records that a process received the answer about an accepted e-mail.
    pub(super) fn heard(&mut self, user_id: &UserId, process: ProcessNumber) {
        *self.taken.entry(process).or_default() += 1;
        self.taken_then.remove(&(process, user_id.clone()));
        self.users.remove(user_id);
    }

    /// Pauses a user, longer each time. Returns how many deferrals count so far.
    pub(super) fn delayed(
        &mut self,
        user_id: &UserId,
        process: ProcessNumber,
        delay: Delay,
        now: Timestamp,
    ) -> u32 {
        let taken = self.taken.get(&process).copied().unwrap_or(0);
        let before = self.taken_then.insert((process, user_id.clone()), taken);
        let counts = delay == Delay::Lost || before.is_some_and(|before| before < taken);
        let deferred = self.users.entry(user_id.clone()).or_insert(Deferred {
            times: 0,
            counted: 0,
            until: now,
        });
        deferred.times += 1;
        deferred.counted += u32::from(counts);
        // Without a maximum: only the final deferral matters here.
        let pause = POLICY().with_deferrals(u32::MAX).pause(deferred.times);
        deferred.until = now + pause.unwrap_or_default();
        deferred.counted
    }

    /// Returns the end of a user's pause.
    pub(super) fn until(&self, user_id: &UserId) -> Option<Timestamp> {
        self.users.get(user_id).map(|deferred| deferred.until)
    }
}
