use std::ops::RangeInclusive;

/// Why this code cannot run on a database: the cause of a [`StoreError`](messaging_core::store::StoreError) of
/// kind [`Internal`](messaging_core::store::StoreErrorKind::Internal).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// Migrations are missing: call `migrate`.
    #[error("the database is not migrated: it is at version {at}, and this code needs version {needed}")]
    NotMigrated {
        /// The newest applied migration; 0 for none.
        at: u32,
        /// The migration that this code needs.
        needed: u32,
    },
    /// A newer version of this library has migrated the database beyond what this one supports: upgrade.
    #[error("the database needs code of version {needed} or newer, and this code is of version {code}")]
    NeedsNewerCode {
        /// The oldest code that can run on the database.
        needed: u32,
        /// The version of this code.
        code: u32,
    },
    /// The file is not a database of this library: it is empty, or has another application id. It was left
    /// unchanged. A file restored from a `.dump` gets the id back by `PRAGMA application_id = 0x6d657373`.
    #[error("the file is empty, or the database of another program (its application_id is not 0x6d657373)")]
    NotOurs,
    /// The database cannot store every text: its encoding is not UTF-8.
    #[error("the encoding of the database is not UTF8")]
    Encoding,
    /// A migration ran without inserting itself into the ledger.
    #[error("migration {version} did not enter itself in the ledger")]
    NotRecorded {
        /// The migration's version.
        version: u32,
    },
}

/// The content of a ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Ledger {
    /// The newest applied migration; 0 for none.
    pub(crate) at: u32,
    /// The oldest code that can run on the database.
    pub(crate) oldest_code: u32,
}

impl Ledger {
    /// The versions that code of this version still has to apply.
    pub(crate) fn missing(self, code: u32) -> Result<RangeInclusive<u32>, SchemaError> {
        if self.oldest_code > code {
            return Err(SchemaError::NeedsNewerCode {
                needed: self.oldest_code,
                code,
            });
        }
        Ok(self.at + 1..=code)
    }

    /// Whether code of this version can run on the database.
    pub(crate) fn admits(self, code: u32) -> Result<(), SchemaError> {
        if self.missing(code)?.is_empty() {
            Ok(())
        } else {
            Err(SchemaError::NotMigrated {
                at: self.at,
                needed: code,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(at: u32, oldest_code: u32, code: u32, expected: Result<(), SchemaError>) {
        assert_eq!(Ledger { at, oldest_code }.admits(code), expected);
    }

    #[test]
    fn code_runs_on_its_own_schema_and_on_compatible_newer_ones() {
        check(3, 2, 3, Ok(()));
        check(5, 3, 3, Ok(()));
        check(2, 2, 3, Err(SchemaError::NotMigrated { at: 2, needed: 3 }));
        check(0, 0, 1, Err(SchemaError::NotMigrated { at: 0, needed: 1 }));
        check(5, 4, 3, Err(SchemaError::NeedsNewerCode { needed: 4, code: 3 }));
    }
}
