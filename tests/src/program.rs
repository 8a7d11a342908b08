//! External programs that tests run.

use std::{
    env,
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::environment::variable;

/// A program, and its possible paths.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// The environment variable with its path.
    pub(crate) variable: &'static str,
    /// The directory into which `./test` installs it, relative to the checkout.
    pub(crate) ours: &'static str,
}

impl Program {
    /// Looks for the program in its variable, in `PATH`, in cargo's directory, and where `./test` installs
    /// it. If it is missing, prints that `test` is skipped; if `CI` is set, it panics instead.
    ///
    /// # Panics
    /// If it is missing and `CI` is set.
    pub(crate) fn find(&self, test: &str) -> Option<PathBuf> {
        let Self { name, variable, .. } = self;
        let found = self.path();
        let missing =
            || format!("there is no {name}: `./test` installs it, or set {variable} to the program");
        can_run(found.as_ref().map(drop).ok_or_else(missing), test);
        found
    }

    fn path(&self) -> Option<PathBuf> {
        let configured = variable(self.variable).map(PathBuf::from);
        let path = variable("PATH").unwrap_or_default();
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(self.ours);
        let cargos = variable("HOME").map(|home| Path::new(&home).join(".cargo/bin"));
        let directories = env::split_paths(&path).chain(cargos).chain([ours]);
        let mut programs = configured
            .into_iter()
            .chain(directories.map(|directory| directory.join(self.name)));
        programs.find(|program| program.is_file())
    }
}

/// Whether a test can run. If a requirement is missing, prints that it is skipped; if `CI` is set, it panics
/// instead.
///
/// # Panics
/// If it cannot run and `CI` is set.
pub(crate) fn can_run(found: Result<(), String>, test: &str) -> bool {
    let Err(missing) = found else { return true };
    assert!(variable("CI").is_none(), "{test} cannot be run: {missing}");
    say(&format!("SKIPPED: {test}: {missing}"));
    false
}

/// Bypasses the test harness, which hides the output of passing tests: writes to standard error and, for a
/// runner that captures that too, to the file that `TEST_NOTES` names.
pub(crate) fn say(words: &str) {
    writeln!(io::stderr(), "{words}").ok();
    let notes =
        variable("TEST_NOTES").and_then(|path| File::options().append(true).create(true).open(path).ok());
    if let Some(mut notes) = notes {
        // A single write, so that lines of concurrent processes do not mix.
        notes.write_all(format!("{words}\n").as_bytes()).ok();
    }
}
