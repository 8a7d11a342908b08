//! The session settings under which the store's statements are executed.

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Error, PgConnection, Row as _, SqlSafeStr as _, SqlStr, postgres::PgConnectOptions,
};

use super::PgOptions;

/// The planner's settings. All statements go [by index](super::by_index) whatever their arguments, so a generic
/// plan suffices and each statement is planned once: the database would otherwise replan one with short arrays
/// at each execution. JIT compilation is off: it takes longer than the execution.
pub(super) const PLANNING: [(&str, &str); 2] = [("plan_cache_mode", "force_generic_plan"), ("jit", "off")];

/// The settings by name: the planner's, the statement timeout and the lock timeout.
#[derive(Debug, Clone)]
pub(super) struct Settings([(&'static str, String); 4]);

impl Settings {
    pub(super) fn new(options: &PgOptions) -> Self {
        let millis = |limit: Duration| limit.as_millis().max(1).to_string();
        let [plans, jit] = PLANNING.map(|(name, value)| (name, value.to_owned()));
        Self([
            ("statement_timeout", millis(options.statement_timeout)),
            ("lock_timeout", millis(options.lock_timeout)),
            plans,
            jit,
        ])
    }

    /// Returns the options of a connection whose session has the settings from its start, overriding other
    /// sources.
    pub(super) fn of_session(&self, connect: PgConnectOptions) -> PgConnectOptions {
        connect.options(self.0.iter().map(|(name, value)| (name, value)))
    }

    /// Returns a text that begins a transaction with the settings and `more`, in one round trip. They end with
    /// the transaction.
    pub(super) fn of_transaction(&self, more: &[(&str, &str)]) -> SqlStr {
        let ours = self.0.iter().map(|(name, value)| (*name, value.as_str()));
        let text = ours
            .chain(more.iter().copied())
            .fold("BEGIN".to_owned(), |text, (name, value)| {
                text + "; SET LOCAL " + name + " = " + value
            });
        AssertSqlSafe(text).into_sql_str()
    }

    /// Whether a session has the settings. Not prepared, so that it works behind any pooler.
    pub(super) async fn are_in_force(&self, connection: &mut PgConnection) -> Result<bool, Error> {
        let ours = self
            .0
            .iter()
            .map(|(name, value)| format!("('{name}', '{value}')"));
        let ours = ours.collect::<Vec<_>>().join(", ");
        let text = format!("SELECT count(*) AS equal FROM pg_settings WHERE (name, setting) IN ({ours})");
        let row = sqlx::raw_sql(AssertSqlSafe(text)).fetch_one(connection).await?;
        Ok(usize::try_from(row.try_get::<i64, _>("equal")?) == Ok(self.0.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_begins_with_the_settings_in_one_statement() {
        let options = PgOptions::default()
            .with_statement_timeout(Duration::from_secs(2))
            .with_lock_timeout(Duration::ZERO);
        let begin = Settings::new(&options).of_transaction(&[("enable_seqscan", "off")]);
        let settings = "statement_timeout = 2000; SET LOCAL lock_timeout = 1; \
            SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL jit = off; SET LOCAL enable_seqscan = off";
        assert_eq!(begin.as_str(), format!("BEGIN; SET LOCAL {settings}"));
    }
}
