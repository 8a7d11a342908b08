use std::mem::swap;

use async_trait::async_trait;
use messaging_core::{
    domain::side::Side,
    store::{Recount, RecountScan, RecountStore, StoreError},
};

use crate::mutants::broken::{Broken, Fault};

#[async_trait]
impl RecountStore for Broken {
    async fn recount_conversations(&self, scan: &RecountScan) -> Result<Vec<Recount>, StoreError> {
        let mut scan = *scan;
        if self.has(Fault::IgnoresTheRecountLimit) {
            scan.limit = usize::MAX;
        }
        if self.has(Fault::IgnoresTheRecountStart) {
            scan.after = None;
        }
        let mut recounts = self.inner.recount_conversations(&scan).await?;
        if self.has(Fault::RecountsAtTwoMoments) {
            // The stored values, read later than the counted ones.
            tokio::task::yield_now().await;
            for (recount, later) in recounts
                .iter_mut()
                .zip(self.inner.recount_conversations(&scan).await?)
            {
                recount.conversation = later.conversation;
            }
        }
        for recount in &mut recounts {
            self.distort(&mut recount.conversation);
            let sides = &mut recount.sides;
            if self.has(Fault::SwapsTheAddressedCounts) {
                swap(&mut sides.client.addressed, &mut sides.agent.addressed);
            }
            for side in Side::ALL {
                let side = sides.of_mut(side);
                if self.has(Fault::CountsAllAsRead) && side.last_receipt.is_some() {
                    side.read = side.addressed;
                }
            }
            if self.has(Fault::OmitsUnpublishedEvents) {
                recount.unpublished = None;
            }
        }
        Ok(recounts)
    }
}
