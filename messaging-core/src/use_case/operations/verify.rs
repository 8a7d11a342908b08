use std::future::ready;

use futures_util::{StreamExt as _, TryStreamExt as _, stream, stream::BoxStream};

use super::Operations;
use crate::{
    error::Error,
    store::Capability,
    verify::{self, ConversationRange, Discrepancy},
};

const RECOUNTING: &str = "recounting conversations";

impl<'a> Operations<'a> {
    /// Recounts the conversations of a range, in the order of their ids, and gives everything that is not as
    /// its messages say; nothing, when all is well. For operators: no actor is needed. Takes
    /// no locks, and reads 1,000 conversations at a time, the next ones when what was found has been taken.
    ///
    /// # Errors
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when the store is, [`Internal`](crate::ErrorKind::Internal)
    /// when something cannot even be read. The first error ends the stream.
    pub fn verify(self, range: ConversationRange) -> BoxStream<'a, Result<Discrepancy, Error>> {
        let failed = |error| Error::store(error, RECOUNTING);
        match Capability::Recount.require(self.messaging.store().recount(), RECOUNTING) {
            Ok(store) => verify::verify(store, range).map_err(failed).boxed(),
            Err(error) => stream::once(ready(Err(failed(error)))).boxed(),
        }
    }
}
