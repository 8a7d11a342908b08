use std::{fmt, sync::Arc};

use sqlx::{AssertSqlSafe, SqlSafeStr as _, SqlStr};

/// The name of the PostgreSQL schema that holds all tables of a [`PgStore`](super::PgStore): 1 to 63 lower-case
/// letters, digits and underscores, not starting with a digit. `messaging` by default.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SchemaName(Arc<str>);

/// The error for a text that is not a valid schema name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 63 small letters, digits and underscores, and not begin with a digit or with pg_")]
pub struct InvalidSchemaName;

/// How templates name the schema: quoted, so that no other text in them matches.
const PLACEHOLDER: &str = "\"messaging\"";

impl SchemaName {
    /// Parses a name; it is not normalised.
    ///
    /// # Errors
    /// [`InvalidSchemaName`] for any other text, for PostgreSQL's own names (`pg_…`), and for `public`, which
    /// holds the host's tables.
    pub fn parse(name: impl AsRef<str>) -> Result<Self, InvalidSchemaName> {
        let name = name.as_ref();
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c == '_');
        let goes_on = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let taken = name.starts_with("pg_") || name == "public" || name == "information_schema";
        if begins && !taken && name.len() <= 63 && name.bytes().all(goes_on) {
            Ok(Self(name.into()))
        } else {
            Err(InvalidSchemaName)
        }
    }

    /// Returns the name, without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Replaces the placeholder of a template with this name. Only parsed names are ever inserted.
    pub(super) fn fill(&self, template: &str) -> SqlStr {
        let quoted = format!("\"{}\"", self.0);
        AssertSqlSafe(template.replace(PLACEHOLDER, &quoted)).into_sql_str()
    }
}

impl Default for SchemaName {
    fn default() -> Self {
        Self("messaging".into())
    }
}

impl fmt::Display for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SchemaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaName({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_name_needs_no_quotes_and_is_not_reserved() {
        for good in ["messaging", "m", "_", "chat_2", &"x".repeat(63)] {
            assert_eq!(SchemaName::parse(good).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "2chat",
            "Chat",
            "cha t",
            "chat\"",
            "chat;",
            "chät",
            "a-b",
            "pg_chat",
            "public",
            "information_schema",
            &"x".repeat(64),
        ] {
            assert_eq!(SchemaName::parse(bad), Err(InvalidSchemaName), "{bad:?}");
        }
    }

    #[test]
    fn filling_a_template_replaces_every_schema_placeholder() {
        let name = SchemaName::parse("chat").unwrap();
        let filled = name.fill("SELECT 'messaging' FROM \"messaging\".a JOIN \"messaging\".b");
        assert_eq!(
            filled.as_str(),
            "SELECT 'messaging' FROM \"chat\".a JOIN \"chat\".b"
        );
        let template = "SELECT 1 FROM \"messaging\".message";
        assert_eq!(SchemaName::default().fill(template).as_str(), template);
    }
}
