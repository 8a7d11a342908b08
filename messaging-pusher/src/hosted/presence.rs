//! The presence cache.
//!
//! A user is online if their channel has a subscriber. The server's answer is cached for a limited time. A webhook only
//! invalidates an entry, so that a lost, late or repeated webhook does no harm.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use messaging_core::{event::ChannelName, time::Timestamp};

/// Cached presence by user channel. Channels are the key because the channel of a long user id contains only its
/// digest.
#[derive(Debug)]
pub(super) struct PresenceCache {
    entries: Mutex<Entries>,
    ttl: Duration,
    capacity: usize,
}

#[derive(Debug, Default)]
struct Entries {
    by_channel: HashMap<ChannelName, Entry>,
    lookups: u64,
}

#[derive(Debug, Clone, Copy)]
enum Entry {
    Known {
        online: bool,
        until: Timestamp,
    },
    /// A lookup is pending. Expires in case the response never arrives.
    Pending {
        lookup: Lookup,
        until: Timestamp,
    },
}

/// A pending lookup. Its result is cached unless the entry was invalidated meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lookup(u64);

impl PresenceCache {
    pub(super) fn new(ttl: Duration, capacity: usize) -> Self {
        Self {
            entries: Mutex::default(),
            ttl,
            capacity,
        }
    }

    /// The cached presence of a user.
    ///
    /// # Errors
    /// A new [`Lookup`] to perform, if none is cached.
    pub(super) fn get(&self, user: &ChannelName, now: Timestamp) -> Result<bool, Lookup> {
        let mut entries = self.lock();
        if let Some(Entry::Known { online, until }) = entries.by_channel.get(user)
            && *until > now
        {
            return Ok(*online);
        }
        entries.lookups += 1;
        let lookup = Lookup(entries.lookups);
        let until = now + self.ttl;
        if entries.by_channel.len() >= self.capacity {
            entries.by_channel.retain(|_, entry| entry.until() > now);
        }
        if entries.by_channel.len() < self.capacity || entries.by_channel.contains_key(user) {
            entries
                .by_channel
                .insert(user.clone(), Entry::Pending { lookup, until });
        }
        Err(lookup)
    }

    /// Caches the result of a lookup.
    pub(super) fn complete(&self, user: &ChannelName, lookup: Lookup, online: bool, now: Timestamp) {
        let until = now + self.ttl;
        if let Some(entry) = self.lock().by_channel.get_mut(user)
            && matches!(entry, Entry::Pending { lookup: asked, .. } if *asked == lookup)
        {
            *entry = Entry::Known { online, until };
        }
    }

    /// Removes a user's entry, including a pending lookup.
    pub(super) fn invalidate(&self, user: &ChannelName) {
        self.lock().by_channel.remove(user);
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn until(&self) -> Timestamp {
        match self {
            Self::Known { until, .. } | Self::Pending { until, .. } => *until,
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

    fn cache() -> PresenceCache {
        PresenceCache::new(Duration::from_mins(1), 3)
    }

    #[test]
    fn a_result_is_cached_until_it_expires() {
        let cache = cache();
        let lookup = cache.get(&user(1), at(0)).unwrap_err();
        cache.complete(&user(1), lookup, true, at(1));
        assert_eq!(cache.get(&user(1), at(60)), Ok(true));
        assert!(cache.get(&user(1), at(61)).is_err());
    }

    #[test]
    fn the_result_of_an_invalidated_lookup_is_not_cached() {
        let cache = cache();
        let lookup = cache.get(&user(1), at(0)).unwrap_err();
        cache.invalidate(&user(1));
        cache.complete(&user(1), lookup, true, at(0));
        let again = cache.get(&user(1), at(0)).unwrap_err();
        cache.complete(&user(1), lookup, true, at(0));
        assert!(
            cache.get(&user(1), at(0)).is_err(),
            "the late result of another lookup"
        );
        cache.complete(&user(1), again, false, at(0));
        assert!(cache.get(&user(1), at(0)).is_err(), "a newer lookup is pending");
    }

    #[test]
    fn the_cache_never_exceeds_its_capacity() {
        let cache = cache();
        for n in 0..10 {
            let lookup = cache.get(&user(n), at(0)).unwrap_err();
            cache.complete(&user(n), lookup, true, at(0));
        }
        let known = |at| (0..10).filter(|n| cache.get(&user(*n), at).is_ok()).count();
        assert_eq!(known(at(1)), 3);
        let lookup = cache.get(&user(10), at(61)).unwrap_err();
        cache.complete(&user(10), lookup, false, at(61));
        assert_eq!(
            cache.get(&user(10), at(61)),
            Ok(false),
            "expired entries free capacity"
        );
    }
}
