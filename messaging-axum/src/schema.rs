//! Schemas that no type of ours stands for.

use utoipa::openapi::schema::{Object, Type};

/// What `success` is in an answer that is none of an error.
pub(crate) fn always_true() -> Object {
    constant(true)
}

/// What `success` is in an error.
pub(crate) fn always_false() -> Object {
    constant(false)
}

fn constant(value: bool) -> Object {
    Object::builder()
        .schema_type(Type::Boolean)
        .enum_values(Some([value]))
        .build()
}
