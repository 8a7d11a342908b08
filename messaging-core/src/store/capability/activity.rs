use async_trait::async_trait;

use crate::{
    domain::activity::{Activity, Buckets},
    id::AgentId,
    store::StoreError,
    with::with,
};

/// How much goes on. The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait ActivityStore: Send + Sync {
    /// What went on in each of the buckets, as far as it is the agent's if one is named.
    ///
    /// - A message counts at its `createdAt`, unless it is the system's.
    /// - A conversation counts at its `createdAt`.
    /// - A user is active once in a bucket in which they sent a message or read something for the first time; a
    ///   reading counts for the user who stands on its side now.
    /// - A first reply counts when it is sent: the agent's first message behind the client's first, and the time
    ///   between the two.
    async fn count_activity(&self, scan: &ActivityScan) -> Result<Vec<Activity>, StoreError>;
}

/// What to count.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActivityScan {
    /// In which buckets; the answer has one for each.
    pub buckets: Buckets,
    /// Only in this agent's conversations; `None` in all.
    pub agent_id: Option<AgentId>,
}

impl ActivityScan {
    /// A scan of all agents.
    pub fn new(buckets: Buckets) -> Self {
        Self {
            buckets,
            agent_id: None,
        }
    }

    with! {
        with_agent_id agent_id: Option<AgentId>,
    }
}
