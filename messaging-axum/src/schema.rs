//! Schemas without a Rust type.

use utoipa::openapi::schema::{Object, Type};

/// The schema of `success` in a successful response.
pub(crate) fn always_true() -> Object {
    constant(true)
}

/// The schema of `success` in an error.
pub(crate) fn always_false() -> Object {
    constant(false)
}

fn constant(value: bool) -> Object {
    Object::builder()
        .schema_type(Type::Boolean)
        .enum_values(Some([value]))
        .build()
}
