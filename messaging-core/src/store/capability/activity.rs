use async_trait::async_trait;

use crate::{
    domain::{activity::Activity, calendar::Buckets},
    id::AgentId,
    store::StoreError,
    with::with,
};

/// Counts of activity over time. The contract of the [module](crate::store) holds for every method.
#[async_trait]
pub trait ActivityStore: Send + Sync {
    /// Counts the activity in each bucket; if an agent is named, of this agent's conversations only.
    ///
    /// - A message counts at its `createdAt`, unless it is the system's.
    /// - A conversation counts at its `createdAt`.
    /// - A user is active in a bucket, and counts once in it, if the user sent a message or wrote a receipt in it. A
    ///   receipt counts for the user who is on its side now.
    /// - A first reply counts at its `createdAt`: the agent's first message after the client's first one, with the time
    ///   between the two.
    async fn count_activity(&self, scan: &ActivityScan) -> Result<Vec<Activity>, StoreError>;
}

/// The buckets to count, and the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActivityScan {
    /// The buckets; the result has one element for each, in the same order.
    pub buckets: Buckets,
    /// The agent whose conversations are counted; `None` for all conversations.
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
