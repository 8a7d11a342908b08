//! What a recount finds wrong.

use std::fmt;

/// The discrepancies found so far.
#[derive(Debug, Default)]
pub(super) struct Findings(pub(super) Vec<String>);

impl Findings {
    pub(super) fn unless(&mut self, holds: bool, say: impl FnOnce() -> String) {
        if !holds {
            self.0.push(say());
        }
    }

    pub(super) fn same<T: PartialEq + fmt::Debug>(
        &mut self,
        what: fmt::Arguments<'_>,
        found: &T,
        recounted: &T,
    ) {
        self.unless(found == recounted, || {
            format!("{what} is {found:?}, but recounted {recounted:?}")
        });
    }
}
