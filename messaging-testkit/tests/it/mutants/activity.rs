//! Faults of a store in counting activity.

use async_trait::async_trait;
use messaging_core::{
    domain::activity::Activity,
    store::{ActivityScan, ActivityStore, StoreError},
};

use crate::mutants::broken::{Broken, Fault};

#[async_trait]
impl ActivityStore for Broken {
    async fn count_activity(&self, scan: &ActivityScan) -> Result<Vec<Activity>, StoreError> {
        let mut scan = scan.clone();
        if self.has(Fault::CountsAllAgents) {
            scan.agent_id = None;
        }
        let mut counted = self.inner.count_activity(&scan).await?;
        for activity in &mut counted {
            if self.has(Fault::CountsUsersByMessages) {
                activity.active_users = activity.messages;
            }
            if self.has(Fault::ReturnsTheMedianAsP95) {
                activity.first_replies.p95 = activity.first_replies.median;
            }
        }
        if self.has(Fault::ShiftsBuckets) {
            counted.rotate_right(1);
        }
        Ok(counted)
    }
}
