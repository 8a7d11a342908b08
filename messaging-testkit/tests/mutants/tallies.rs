use std::mem::swap;

use async_trait::async_trait;
use messaging_core::{
    domain::side::Side,
    port::store::{StoreError, Tallies, Tally, TallyScan},
};

use crate::broken::{Broken, Fault};

#[async_trait]
impl Tallies for Broken {
    async fn list_tallies(&self, scan: &TallyScan) -> Result<Vec<Tally>, StoreError> {
        let mut scan = *scan;
        if self.has(Fault::TalliesAnything) {
            scan.limit = usize::MAX;
        }
        if self.has(Fault::TalliesAllAgain) {
            scan.after = None;
        }
        let mut tallies = self.inner.list_tallies(&scan).await?;
        if self.has(Fault::TearsTalliesApart) {
            // What is kept, of a later moment than what is counted.
            tokio::task::yield_now().await;
            for (tally, later) in tallies.iter_mut().zip(self.inner.list_tallies(&scan).await?) {
                tally.conversation = later.conversation;
            }
        }
        for tally in &mut tallies {
            self.distort(&mut tally.conversation);
            let sides = &mut tally.sides;
            if self.has(Fault::CountsWhatIsForTheOther) {
                swap(&mut sides.client.addressed, &mut sides.agent.addressed);
            }
            for side in Side::ALL {
                let side = sides.of_mut(side);
                if self.has(Fault::CountsAllAsRead) && side.last_receipt.is_some() {
                    side.read = side.addressed;
                }
            }
            if self.has(Fault::MissesWhatWaits) {
                tally.unpublished = None;
            }
        }
        Ok(tallies)
    }
}
