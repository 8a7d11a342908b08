use std::{borrow::Cow, fmt::Display};

use messaging_core::domain::{
    cursor::InvalidCursor,
    page::{InvalidPageSize, PageSize},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    error::{ApiError, FieldError},
    status::Code,
};

/// An unparsed field. Deserialising it never fails, so that all invalid fields of a request are reported together.
#[derive(Debug, Default)]
pub(crate) enum Field<T> {
    /// Missing or null.
    #[default]
    Absent,
    /// A value of another type.
    WrongType,
    /// A value of the expected type.
    Given(T),
}

/// The JSON type of a field, and the message for other types.
pub(crate) trait Primitive: DeserializeOwned {
    const EXPECTED: &'static str;
}

impl Primitive for String {
    const EXPECTED: &'static str = "must be a string";
}

impl Primitive for OneOrMany {
    const EXPECTED: &'static str = "must be a string or a list of strings";
}

/// A string or a list of strings.
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

/// Parses the fields of a request and collects all errors.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<FieldError>);

/// The field was invalid; its error has been recorded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct InvalidField;

impl Fields {
    /// Parses a required field.
    pub(crate) fn required<T: Primitive, U, E: Display>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<U, InvalidField> {
        self.optional(name, field, parse)?
            .ok_or_else(|| self.reject(name, "is required"))
    }

    /// Parses an optional field.
    pub(crate) fn optional<T: Primitive, U, E: Display>(
        &mut self,
        name: &'static str,
        field: Field<T>,
        parse: impl FnOnce(T) -> Result<U, E>,
    ) -> Result<Option<U>, InvalidField> {
        match field {
            Field::Absent => Ok(None),
            Field::WrongType => Err(self.reject(name, T::EXPECTED)),
            Field::Given(value) => match parse(value) {
                Ok(value) => Ok(Some(value)),
                Err(error) => Err(self.reject(name, error.to_string())),
            },
        }
    }

    /// Records an error for a field.
    pub(crate) fn reject(
        &mut self,
        field: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> InvalidField {
        self.0.push(FieldError {
            field,
            message: message.into(),
        });
        InvalidField
    }
}

impl From<Fields> for ApiError {
    fn from(Fields(failed): Fields) -> Self {
        Self::validation(failed)
    }
}

/// Decodes an optional cursor parameter.
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

/// Parses a page size parameter.
pub(crate) fn page_size(text: &str) -> Result<PageSize, InvalidPageSize> {
    unsigned_integer(text)
        .ok_or(InvalidPageSize)
        .and_then(PageSize::new)
}

/// Parses a boolean parameter: `true` or `false`.
pub(crate) fn boolean(text: &str) -> Result<bool, &'static str> {
    match text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err("must be true or false"),
    }
}

/// Parses a number of digits only: no sign, fraction or white space.
pub(crate) fn unsigned_integer(text: &str) -> Option<usize> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}
