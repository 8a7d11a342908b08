//! The database alone: pgbench executes the store's own statement, one per transaction.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, ensure};
use messaging_sqlx::{PgStore, postgres::Text};
use tokio::process::Command;

use crate::{ground::Ground, report::Reference, scenario::Scenario};

/// Runs pgbench, if the scenario is a single statement and the database is ours.
pub(crate) async fn run(
    ground: &Ground,
    scenario: Scenario,
    clients: usize,
    time: Duration,
) -> anyhow::Result<Option<Reference>> {
    let Some(script) = script(ground, scenario) else {
        return Ok(None);
    };
    let Some(url) = ground.database_url() else {
        return Ok(None);
    };
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("script.sql");
    tokio::fs::write(&file, script).await?;
    let seconds = time.as_secs().max(1);
    let output = Command::new(pgbench())
        .arg("--no-vacuum")
        .args(["--client", &clients.to_string()])
        .args(["--jobs", "2"])
        .args(["--time", &seconds.to_string()])
        .args(["--define", "ready=0"])
        .arg("--file")
        .arg(&file)
        .arg(url)
        .env("PGOPTIONS", options())
        .output()
        .await
        .context("pgbench, of Debian's postgresql-contrib")?;
    let printed = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success() && printed.contains("number of failed transactions: 0 "),
        "pgbench failed: {printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ground.forget_unpublished().await?;
    let number = |name: &str| -> Option<f64> {
        let line = printed.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let transactions =
        number("number of transactions actually processed: ").context("pgbench reports no count")?;
    let per_second = number("tps = ").context("pgbench reports no rate")?;
    Ok(Some(Reference {
        transactions,
        seconds: transactions / per_second,
        clients: clients as f64,
    }))
}

/// The sessions have the planner settings of the store.
fn options() -> String {
    PgStore::planning()
        .map(|(name, value)| format!("-c {name}={value}"))
        .join(" ")
}

/// Each connection prepares the statement once, and then executes it with different arguments.
fn script(ground: &Ground, scenario: Scenario) -> Option<String> {
    let scale = ground.scale();
    let any = "('00000000-0000-7000-8000-' || lpad(to_hex(:c::bigint << 12), 12, '0'))::uuid";
    let one = "'00000000-0000-7000-8000-000000000000'";
    let append = |conversation: &str| {
        // Conversation, owner, lease, access version, from, to, sender, key, id, body, extras, now, due.
        format!(
            "{conversation}, '00000000-0000-7000-8000-000000000001', now() + interval '1 hour', 0, 1::smallint, \
             2::smallint, 'client-' || :c + 1, gen_random_uuid()::text, gen_random_uuid(), \
             'Is the hut open in May? We would be four, and a dog.', NULL, date_trunc('milliseconds', now()), NULL, 1"
        )
    };
    let (text, range, arguments) = match scenario {
        Scenario::Send | Scenario::Lone => (Text::Append, scale.conversations, append(any)),
        Scenario::SendOne => (Text::Append, 1, append(one)),
        Scenario::History => (
            Text::History,
            scale.conversations,
            format!("{any}, 9223372036854775807, 51"),
        ),
        Scenario::HistoryDeep => (
            Text::History,
            scale.conversations,
            format!("{any}, {}, 51", scale.per_conversation / 2 + 1),
        ),
        Scenario::List => (
            Text::AgentList,
            scale.agents(),
            "31, 'agency-' || :c + 1, 'agent-' || :c + 1".to_owned(),
        ),
        Scenario::Unread => (
            Text::AgentUnread,
            scale.agents(),
            "'agency-' || :c + 1, 'agent-' || :c + 1".to_owned(),
        ),
        _ => return None,
    };
    let text = ground.text(text);
    Some(format!(
        "\\set c random(0, {})\n\
         \\if :ready\n\\else\nPREPARE reference AS {};\n\\set ready 1\n\\endif\n\
         EXECUTE reference({arguments});\n",
        range - 1,
        text.replace('\n', " ")
    ))
}

fn pgbench() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut installed: Vec<PathBuf> = versions
        .map(|version| version.path().join("bin/pgbench"))
        .filter(|path| path.is_file())
        .collect();
    installed.sort();
    installed.pop().unwrap_or_else(|| PathBuf::from("pgbench"))
}
