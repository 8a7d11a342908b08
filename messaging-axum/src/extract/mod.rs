//! Extractors: from a request to parsed values. Every rejection has the standard error body.

mod body;
mod caller;
mod fields;
mod input;
mod json_text;

pub(crate) use body::{FormOrJson, Json, RawBody};
pub use caller::Caller;
pub(crate) use fields::{
    Field, Fields, InvalidField, OneOrMany, boolean, cursor, page_size, unsigned_integer,
};
pub(crate) use input::{PathId, Query};
