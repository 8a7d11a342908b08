//! Packages installed and run by npm.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::{Mutex, PoisonError},
};

/// The first version with `--test-force-exit`, and the minimum of Vite.
const OLDEST_NODE: (u32, u32) = (20, 19);

/// A directory with a `package.json`.
#[derive(Debug)]
pub struct Package {
    path: &'static str,
    installed: Mutex<Option<Result<(), String>>>,
}

impl Package {
    /// A package of this workspace, relative to its root.
    pub const fn at(path: &'static str) -> Self {
        Self {
            path,
            installed: Mutex::new(None),
        }
    }

    /// Returns its directory.
    pub fn directory(&self) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(self.path)
    }

    /// Installs its dependencies, unless those of the lock file are installed.
    ///
    /// # Errors
    /// A sentence that names the missing requirement.
    pub fn install(&self) -> Result<(), String> {
        let mut installed = self.installed.lock().unwrap_or_else(PoisonError::into_inner);
        installed.get_or_insert_with(|| self.install_now()).clone()
    }

    fn install_now(&self) -> Result<(), String> {
        let version = works(Command::new("node").arg("--version").output(), "node --version")?;
        is_new_enough(&version)?;
        let changed = |path: &str| fs::metadata(self.directory().join(path)).and_then(|file| file.modified());
        let installed = changed("node_modules/.package-lock.json").ok();
        if installed.is_some() && installed >= changed("package-lock.json").ok() {
            return Ok(());
        }
        self.run("npm", &["ci", "--no-audit", "--no-fund", "--loglevel=error"])
            .map(|_| ())
    }

    /// Runs a program in its directory, and returns its standard output.
    ///
    /// # Errors
    /// A sentence with the cause.
    pub fn run(&self, program: &str, arguments: &[&str]) -> Result<String, String> {
        let ran = Command::new(program)
            .args(arguments)
            .current_dir(self.directory())
            .env("NO_COLOR", "1")
            .output();
        works(ran, &format!("{program} {}", arguments.join(" ")))
    }
}

/// The output of `node --version`, such as `v20.19.0`.
fn is_new_enough(version: &str) -> Result<(), String> {
    let version = version.trim();
    let mut numbers = version.trim_start_matches('v').split('.').map(str::parse::<u32>);
    match [numbers.next(), numbers.next()] {
        [Some(Ok(major)), Some(Ok(minor))] if (major, minor) >= OLDEST_NODE => Ok(()),
        _ => Err(format!(
            "Node {}.{} or newer is needed, but `node --version` says {version}",
            OLDEST_NODE.0, OLDEST_NODE.1
        )),
    }
}

/// Waits until it ends, and returns its standard output.
fn works(outcome: io::Result<Output>, what: &str) -> Result<String, String> {
    let output = outcome.map_err(|why| format!("{what}: {why}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    Err(format!(
        "{what}: {printed}{}",
        String::from_utf8_lossy(&output.stderr)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_node_is_refused() {
        for fine in ["v20.19.0\n", "v20.20.2", "v22.0.0", "v100.1.0"] {
            assert_eq!(is_new_enough(fine), Ok(()), "{fine}");
        }
        for old in ["v18.20.4", "v20.18.1", "v0.12.0", "", "no version"] {
            assert!(is_new_enough(old).is_err(), "{old}");
        }
        assert_eq!(
            is_new_enough("v18.20.4").unwrap_err(),
            "Node 20.19 or newer is needed, but `node --version` says v18.20.4"
        );
    }
}
