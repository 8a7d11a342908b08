//! From a request to parsed values. Whatever is refused is refused in the envelope.

mod body;
mod caller;
mod fields;
mod input;

pub(crate) use body::{Form, Json, Raw};
pub(crate) use caller::Caller;
pub(crate) use fields::{Failed, Field, Fields, cursor, page_size, whole_number, yes_or_no};
pub(crate) use input::{PathId, Query};
