//! Who is connected, as far as is remembered.
//!
//! Presence is a question to the server: is anyone subscribed to this user's channel? Its answer is remembered
//! for a while. What a webhook reports only makes us forget, so that a webhook that is lost, late or repeated
//! does no harm.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use messaging_core::{event::ChannelName, time::Timestamp};

/// What is remembered of users, each by the name of their channel: from that of a long id no user can be read.
#[derive(Debug)]
pub(super) struct Memory {
    users: Mutex<Users>,
    ttl: Duration,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Users {
    known: HashMap<ChannelName, Memo>,
    questions: u64,
}

#[derive(Debug, Clone, Copy)]
enum Memo {
    Known {
        online: bool,
        until: Timestamp,
    },
    /// Being asked; until then, should the answer never come.
    Asked {
        question: Question,
        until: Timestamp,
    },
}

/// A question under way. Its answer is remembered unless the user was forgotten meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Question(u64);

impl Memory {
    pub(super) fn new(ttl: Duration, capacity: usize) -> Self {
        Self {
            users: Mutex::default(),
            ttl,
            capacity,
        }
    }

    /// Whether a user is connected, or else the question that is to be asked.
    pub(super) fn recall(&self, user: &ChannelName, now: Timestamp) -> Result<bool, Question> {
        let mut users = self.users();
        if let Some(Memo::Known { online, until }) = users.known.get(user)
            && *until > now
        {
            return Ok(*online);
        }
        users.questions += 1;
        let question = Question(users.questions);
        let until = now + self.ttl;
        if users.known.len() >= self.capacity {
            users.known.retain(|_, memo| memo.until() > now);
        }
        if users.known.len() < self.capacity || users.known.contains_key(user) {
            users.known.insert(user.clone(), Memo::Asked { question, until });
        }
        Err(question)
    }

    /// Remembers the answer to a question.
    pub(super) fn answered(&self, user: &ChannelName, question: Question, online: bool, now: Timestamp) {
        let until = now + self.ttl;
        if let Some(memo) = self.users().known.get_mut(user)
            && matches!(memo, Memo::Asked { question: asked, .. } if *asked == question)
        {
            *memo = Memo::Known { online, until };
        }
    }

    /// Forgets a user: what is known, and what is being asked.
    pub(super) fn forget(&self, user: &ChannelName) {
        self.users().known.remove(user);
    }

    fn users(&self) -> MutexGuard<'_, Users> {
        self.users.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memo {
    fn until(&self) -> Timestamp {
        match self {
            Self::Known { until, .. } | Self::Asked { until, .. } => *until,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: usize) -> ChannelName {
        ChannelName::parse(format!("private-user-{n}")).unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::EPOCH + Duration::from_secs(seconds)
    }

    fn memory() -> Memory {
        Memory::new(Duration::from_mins(1), 3)
    }

    #[test]
    fn an_answer_is_remembered_for_a_while() {
        let memory = memory();
        let question = memory.recall(&user(1), at(0)).unwrap_err();
        memory.answered(&user(1), question, true, at(1));
        assert_eq!(memory.recall(&user(1), at(60)), Ok(true));
        assert!(memory.recall(&user(1), at(61)).is_err());
    }

    #[test]
    fn what_was_forgotten_while_it_was_asked_stays_forgotten() {
        let memory = memory();
        let question = memory.recall(&user(1), at(0)).unwrap_err();
        memory.forget(&user(1));
        memory.answered(&user(1), question, true, at(0));
        let again = memory.recall(&user(1), at(0)).unwrap_err();
        memory.answered(&user(1), question, true, at(0));
        assert!(
            memory.recall(&user(1), at(0)).is_err(),
            "the late answer to another question"
        );
        memory.answered(&user(1), again, false, at(0));
        assert!(
            memory.recall(&user(1), at(0)).is_err(),
            "one that was asked again since"
        );
    }

    #[test]
    fn no_more_users_are_remembered_than_there_is_room_for() {
        let memory = memory();
        for n in 0..10 {
            let question = memory.recall(&user(n), at(0)).unwrap_err();
            memory.answered(&user(n), question, true, at(0));
        }
        let known = |at| (0..10).filter(|n| memory.recall(&user(*n), at).is_ok()).count();
        assert_eq!(known(at(1)), 3);
        let question = memory.recall(&user(10), at(61)).unwrap_err();
        memory.answered(&user(10), question, false, at(61));
        assert_eq!(memory.recall(&user(10), at(61)), Ok(false), "there is room again");
    }
}
