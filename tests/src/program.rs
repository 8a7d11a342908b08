//! Programs that tests run and that are not ours.

use std::{
    env,
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::environment::variable;

/// A program, and where it may be.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) name: &'static str,
    /// The environment variable that says where it is.
    pub(crate) variable: &'static str,
    /// Where `./test` puts it, below the checkout.
    pub(crate) ours: &'static str,
}

impl Program {
    /// Where its variable says, where `PATH` and cargo keep programs, and where `./test` puts it. Where it is not, it
    /// is said that `test` is skipped; where `CI` is set, that is a failure.
    ///
    /// # Panics
    /// When it is not there and `CI` is set.
    pub(crate) fn find(&self, test: &str) -> Option<PathBuf> {
        let Self { name, variable, .. } = self;
        let found = self.path();
        let missing =
            || format!("there is no {name}: `./test` installs it, or set {variable} to the program");
        can_run(found.as_ref().map(drop).ok_or_else(missing), test);
        found
    }

    fn path(&self) -> Option<PathBuf> {
        let told = variable(self.variable).map(PathBuf::from);
        let path = variable("PATH").unwrap_or_default();
        let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(self.ours);
        let cargos = variable("HOME").map(|home| Path::new(&home).join(".cargo/bin"));
        let directories = env::split_paths(&path).chain(cargos).chain([ours]);
        let mut programs = told
            .into_iter()
            .chain(directories.map(|directory| directory.join(self.name)));
        programs.find(|program| program.is_file())
    }
}

/// Whether a test can be run. Where something is missing it says that it is skipped; where `CI` is set, that is a
/// failure.
///
/// # Panics
/// When it cannot be run in CI.
pub(crate) fn can_run(found: Result<(), String>, test: &str) -> bool {
    let Err(missing) = found else { return true };
    assert!(variable("CI").is_none(), "{test} cannot be run: {missing}");
    say(&format!("SKIPPED: {test}: {missing}"));
    false
}

/// Past the test harness, which keeps to itself what a passing test prints: to standard error and, for a runner that
/// captures that too, to the end of the file that `TEST_NOTES` names.
pub(crate) fn say(words: &str) {
    writeln!(io::stderr(), "{words}").ok();
    let notes =
        variable("TEST_NOTES").and_then(|path| File::options().append(true).create(true).open(path).ok());
    if let Some(mut notes) = notes {
        // One write, so that lines of several processes do not mix.
        notes.write_all(format!("{words}\n").as_bytes()).ok();
    }
}
