//! From a request to parsed values. Whatever is refused is refused in the envelope.

mod body;
mod caller;
mod fields;
mod input;
mod json_text;

pub(crate) use body::{FormOrJson, Json, Raw};
pub(crate) use caller::Caller;
pub(crate) use fields::{Failed, Field, Fields, OneOrMany, cursor, page_size, whole_number, yes_or_no};
pub(crate) use input::{PathId, Query};
