//! From a request to parsed values. Whatever is refused is refused in the envelope.

mod caller;
mod fields;
mod input;

pub(crate) use caller::Caller;
pub(crate) use fields::{Failed, Field, Fields, cursor, page_size, whole_number, yes_or_no};
pub(crate) use input::{Form, Json, PathId, Query};
