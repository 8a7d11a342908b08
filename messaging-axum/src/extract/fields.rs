use std::{borrow::Cow, fmt::Display};

use messaging_core::{
    PageSize,
    domain::page::{InvalidCursor, InvalidPageSize},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    error::{ApiError, FieldError},
    status::Code,
};

/// A field as it came. Reading one never fails, so that all that is wrong with a request is found at once.
#[derive(Debug, Default)]
pub(crate) enum Field<T> {
    /// Not there, or null.
    #[default]
    Absent,
    /// Of another type.
    WrongType,
    /// There.
    Given(T),
}

/// What can stand in a field, and how people are told of it.
pub(crate) trait Primitive: DeserializeOwned {
    const EXPECTED: &'static str;
}

impl Primitive for String {
    const EXPECTED: &'static str = "must be a string";
}

impl Primitive for OneOrMany {
    const EXPECTED: &'static str = "must be a string or a list of strings";
}

/// A text, or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Primitive for bool {
    const EXPECTED: &'static str = "must be true or false";
}

impl<'de, T: Primitive> Deserialize<'de> for Field<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Value::deserialize(deserializer)? {
            Value::Null => Self::Absent,
            value => T::deserialize(value).map_or(Self::WrongType, Self::Given),
        })
    }
}

/// Parses the fields of a request, and remembers each that fails.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<FieldError>);

/// A field that failed and was noted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failed;

impl Fields {
    /// A field that must be there.
    pub(crate) fn required<T: Primitive, U, E: Display>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<U, Failed> {
        self.optional(name, field, parse)?
            .ok_or_else(|| self.refuse(name, "is required"))
    }

    /// A field that may be absent.
    pub(crate) fn optional<T: Primitive, U, E: Display>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<Option<U>, Failed> {
        match field {
            Field::Absent => Ok(None),
            Field::WrongType => Err(self.refuse(name, T::EXPECTED)),
            Field::Given(value) => match parse(value) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.refuse(name, error.to_string())),
            },
        }
    }

    /// Notes that a field fails.
    pub(crate) fn refuse(&mut self, field: &'static str, message: impl Into<Cow<'static, str>>) -> Failed {
        self.0.push(FieldError {
            field,
            message: message.into(),
        });
        Failed
    }
}

impl From<Fields> for ApiError {
    fn from(Fields(failed): Fields) -> Self {
        Self::validation(failed)
    }
}

/// A cursor that may be absent, in a query.
pub(crate) fn cursor<C>(
    field: Field<String>,
    decode: impl FnOnce(&str) -> Result<C, InvalidCursor>,
) -> Result<Option<C>, ApiError> {
    match field {
        Field::Given(text) => decode(&text)
            .map(Some)
            .map_err(|_| ApiError::new(Code::InvalidCursor)),
        Field::Absent | Field::WrongType => Ok(None),
    }
}

/// The size of a page, in a query.
pub(crate) fn page_size(text: &str) -> Result<PageSize, InvalidPageSize> {
    whole_number(text).ok_or(InvalidPageSize).and_then(PageSize::new)
}

/// Whether something is asked for, in a query.
pub(crate) fn yes_or_no(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false"),
    }
}

/// A number in digits alone: no sign, no fraction, no white space.
pub(crate) fn whole_number(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
