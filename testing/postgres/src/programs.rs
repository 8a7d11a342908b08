//! The paths of PostgreSQL's programs and of `PgBouncer`.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::environment::variable;

const SERVER: [&str; 3] = ["initdb", "pg_ctl", "postgres"];
const DEBIAN: &str = "/usr/lib/postgresql";

/// Returns the directory with the server's programs.
///
/// # Panics
/// If there is none.
pub(crate) fn server() -> PathBuf {
    let mut candidates = debian(Path::new(DEBIAN))
        .into_iter()
        .chain(pg_config())
        .chain(path());
    candidates
        .find(|directory| SERVER.iter().all(|program| directory.join(program).is_file()))
        .unwrap_or_else(|| {
            panic!(
                "there is no PostgreSQL server ({}) in {DEBIAN}/*/bin, in what `pg_config --bindir` says, or \
                 in PATH: install Debian's package `postgresql`, or set DATABASE_URL to a server's",
                SERVER.join(", ")
            )
        })
}

/// Returns the path of `PgBouncer`, if it is installed. Debian installs it in a directory of root's `PATH`.
pub(crate) fn bouncer() -> Option<PathBuf> {
    let directories = path().chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")]);
    directories
        .map(|directory| directory.join("pgbouncer"))
        .find(|program| program.is_file())
}

/// Debian has a directory per version; the newest comes first.
fn debian(versions: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(versions).into_iter().flatten().flatten();
    let mut numbered: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            Some((
                entry.file_name().to_str()?.parse().ok()?,
                entry.path().join("bin"),
            ))
        })
        .collect();
    numbered.sort();
    numbered
        .into_iter()
        .rev()
        .map(|(_, directory)| directory)
        .collect()
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let directory = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| PathBuf::from(directory.trim()))
}

fn path() -> impl Iterator<Item = PathBuf> {
    let path = variable("PATH").unwrap_or_default();
    env::split_paths(&path).collect::<Vec<_>>().into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_version_comes_first() {
        let versions = env::temp_dir().join(crate::fresh_name::fresh_name("versions"));
        for version in ["9", "15", "17", "common"] {
            fs::create_dir_all(versions.join(version)).unwrap();
        }
        let found = debian(&versions);
        fs::remove_dir_all(&versions).unwrap();
        assert_eq!(found, ["17/bin", "15/bin", "9/bin"].map(|bin| versions.join(bin)));
    }
}
