//! Who is deferred, until when, and how often that counts.

use std::collections::HashMap;

use messaging_core::{Timestamp, id::UserId};

use super::ledger::POLICY;

/// A process from its start to its end: after a restart it is another one.
pub(super) type ProcessNumber = u64;

/// Why an e-mail was not taken for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delay {
    /// The mail server deferred the recipient: that counts if something was taken of the process since the last time. (All
    /// addresses of these days are of one domain.)
    Deferred,
    /// The answer was lost, which always counts.
    Lost,
}

#[derive(Default)]
pub(super) struct Deferrals {
    /// Those deferred since something was taken for them.
    users: HashMap<UserId, Deferred>,
    /// How many e-mails each process has brought that were taken.
    taken: HashMap<ProcessNumber, u32>,
    /// How many those were when a process last had a user deferred.
    taken_then: HashMap<(ProcessNumber, UserId), u32>,
}

struct Deferred {
    /// How often in all.
    times: u32,
    /// How often towards the end.
    counted: u32,
    /// Until when they wait.
    until: Timestamp,
}

impl Deferrals {
    /// Something was taken for a user, and the process has heard so.
    pub(super) fn heard(&mut self, user_id: &UserId, process: ProcessNumber) {
        *self.taken.entry(process).or_default() += 1;
        self.taken_then.remove(&(process, user_id.clone()));
        self.users.remove(user_id);
    }

    /// Lets a user wait, longer each time. Returns how often that counted.
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
        // However often: it is the end that counts.
        let pause = POLICY().with_deferrals(u32::MAX).pause(deferred.times);
        deferred.until = now + pause.unwrap_or_default();
        deferred.counted
    }

    /// Until when a user waits.
    pub(super) fn until(&self, user_id: &UserId) -> Option<Timestamp> {
        self.users.get(user_id).map(|deferred| deferred.until)
    }
}
