//! Options that are changed one by one.

/// For each field a method that gives the same options with another value of it.
macro_rules! with {
    ($($with:ident $field:ident: $type:ty),* $(,)?) => {
        $(
            #[doc = concat!("With another [`", stringify!($field), "`](Self::", stringify!($field), ").")]
            pub fn $with(self, $field: $type) -> Self {
                Self { $field, ..self }
            }
        )*
    };
}

pub(crate) use with;
