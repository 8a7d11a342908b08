//! A cache of conversations with recent sends and reads, so that the next send or read need not look up its conversation.
//!
//! No entry has to be invalidated: each step names the access version on which it was decided, and is a conflict if a change
//! in any process has raised that version since (a block, a closing, a new agent, a linked booking). After a conflict,
//! before any refusal, and for a used key, the conversation is looked up and the step is decided again.
//!
//! Bookings are not remembered: the host's policy is asked with the bookings as they are.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{domain::conversation::Conversation, id::ConversationId};

/// How many conversations a generation holds: two of them are a few megabytes.
const GENERATION: usize = 8192;

/// The conversations of two generations: one that has not been asked for during a whole generation is forgotten.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Generations>);

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<ConversationId, Arc<Conversation>>,
    old: HashMap<ConversationId, Arc<Conversation>>,
}

impl Recent {
    fn lock(&self) -> MutexGuard<'_, Generations> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn find(&self, id: ConversationId) -> Option<Arc<Conversation>> {
        let mut generations = self.lock();
        if let Some(found) = generations.young.get(&id) {
            return Some(Arc::clone(found));
        }
        let found = generations.old.remove(&id)?;
        generations.put(Arc::clone(&found), GENERATION);
        Some(found)
    }

    pub(super) fn remember(&self, conversation: Conversation) {
        self.lock().put(Arc::new(conversation), GENERATION);
    }

    pub(super) fn forget(&self, id: ConversationId) {
        let mut generations = self.lock();
        generations.young.remove(&id);
        generations.old.remove(&id);
    }
}

impl Generations {
    fn put(&mut self, conversation: Arc<Conversation>, size: usize) {
        if self.young.len() >= size && !self.young.contains_key(&conversation.id) {
            self.old = mem::take(&mut self.young);
        }
        self.old.remove(&conversation.id);
        self.young.insert(conversation.id, conversation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::opening::PreparedOpen,
        id::{AgentId, UserId},
        time::Timestamp,
    };

    fn conversation(n: u128) -> Conversation {
        let user = |name: &str| UserId::parse(name).unwrap();
        Conversation::new(&PreparedOpen {
            id: ConversationId::new(uuid::Uuid::from_u128(n)),
            client_id: user("client"),
            agent_id: AgentId::parse("agency").unwrap(),
            agent_user_id: user("agent"),
            booking_id: None,
            now: Timestamp::EPOCH,
        })
    }

    fn put(generations: &mut Generations, n: u128) {
        generations.put(Arc::new(conversation(n)), 2);
    }

    #[test]
    fn a_cached_conversation_is_found_until_it_is_evicted() {
        let recent = Recent::default();
        let one = conversation(1);
        assert_eq!(recent.find(one.id), None);
        recent.remember(one.clone());
        assert_eq!(recent.find(one.id).as_deref(), Some(&one));
        recent.forget(one.id);
        assert_eq!(recent.find(one.id), None);
    }

    #[test]
    fn the_cache_has_at_most_two_generations() {
        let mut generations = Generations::default();
        for n in 1..=7 {
            put(&mut generations, n);
        }
        let mut left: Vec<_> = generations
            .young
            .keys()
            .chain(generations.old.keys())
            .copied()
            .collect();
        left.sort_unstable();
        assert_eq!(left, [5, 6, 7].map(|n| conversation(n).id));
    }

    #[test]
    fn a_conversation_put_twice_is_cached_once_with_its_newest_value() {
        let mut generations = Generations::default();
        for n in [1, 2, 3] {
            put(&mut generations, n);
        }
        let mut newer = conversation(1);
        newer.access_version = 5;
        generations.put(Arc::new(newer.clone()), 2);
        assert!(!generations.old.contains_key(&newer.id));
        assert_eq!(generations.young[&newer.id].access_version, 5);
    }
}
