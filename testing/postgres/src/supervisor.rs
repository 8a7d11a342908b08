use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use crate::account::Account;

/// A shell that starts programs, and stops them when this process ends in any way: statics are never dropped,
/// and a killed process drops nothing. It does not run as root, and its directory is removed with it.
#[derive(Debug)]
pub(crate) struct Supervisor {
    shell: Child,
    directory: PathBuf,
    pipes: Mutex<Option<Pipes>>,
}

#[derive(Debug)]
struct Pipes {
    // No other process holds this end, so that it closes with this process.
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// The command returned a status other than 0.
#[derive(Debug)]
pub(crate) struct Failed;

const SCRIPT: &str = include_str!("supervisor.sh");
const LOG: &str = "log";

impl Supervisor {
    /// Starts a supervisor that runs this command at its end. Commands are those of the shell, and run in its
    /// directory, which is in memory if possible.
    ///
    /// # Panics
    /// If no directory can be created.
    pub(crate) fn start(at_the_end: &str) -> Self {
        Self::start_in(&["/dev/shm".into(), env::temp_dir(), "/tmp".into()], at_the_end)
    }

    /// Like [`start`](Self::start), with a directory among temporary files.
    pub(crate) fn start_on_disk(at_the_end: &str) -> Self {
        Self::start_in(&[env::temp_dir()], at_the_end)
    }

    fn start_in(parents: &[PathBuf], at_the_end: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "supervisor.sh", at_the_end])
            .args(parents)
            .current_dir("/")
            // Ctrl-C, or a time limit, is meant for the tests.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // A reader of the tests' output must not wait for the shell to end.
            .stderr(Stdio::null());
        if let Some(account) = Account::instead_of_root() {
            account.run(&mut command);
        }
        let mut shell = command.spawn().expect("a shell is installed");
        let mut pipes = Pipes {
            commands: shell.stdin.take().expect("stdin is piped"),
            answers: BufReader::new(shell.stdout.take().expect("stdout is piped")),
        };
        let directory = PathBuf::from(pipes.answer());
        assert!(directory.is_absolute(), "no directory for tests has 1 GB of room");
        Self {
            shell,
            directory,
            pipes: Mutex::new(Some(pipes)),
        }
    }

    /// Returns the directory in which the commands run.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs a command of one line until it ends.
    ///
    /// # Errors
    /// [`Failed`]; the [`log`](Self::log) contains the cause.
    ///
    /// # Panics
    /// If the shell has ended.
    pub(crate) fn run(&self, command: &str) -> Result<(), Failed> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let pipes = pipes.as_mut().expect("the pipes are taken on drop only");
        writeln!(pipes.commands, "{command}").expect("the supervisor reads");
        match pipes.answer().as_str() {
            "" => panic!("the supervisor of {} has ended", self.directory.display()),
            "0" => Ok(()),
            _ => Err(Failed),
        }
    }

    /// Appends lines to a file in its directory.
    ///
    /// # Panics
    /// If they cannot be written.
    pub(crate) fn append(&self, file: &str, lines: impl Iterator<Item = String>) {
        let lines: Vec<String> = lines.map(|line| quoted(&line)).collect();
        let appended = self.run(&format!("printf '%s\\n' {} >>{}", lines.join(" "), quoted(file)));
        assert!(appended.is_ok(), "{file} cannot be written:\n{}", self.log());
    }

    /// Returns the output of the commands.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.directory.join(LOG)).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Pipes {
    /// Returns the next line without its end; empty if the shell has ended.
    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).ok();
        line.trim_end().to_owned()
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        let pipes = self.pipes.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(pipes.take());
        self.shell.wait().ok();
    }
}

/// Quotes a word of a command.
pub(crate) fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn a_command_reports_whether_it_succeeded() {
        let supervisor = Supervisor::start("");
        assert!(supervisor.run("echo fine; true").is_ok());
        assert!(supervisor.run("echo broken >&2; false").is_err());
        assert!(supervisor.run("exit 3").is_err());
        assert!(supervisor.run(&format!("echo {}", quoted("it's $HOME"))).is_ok());
        assert_eq!(supervisor.log(), "fine\nbroken\nit's $HOME\n");
    }

    #[test]
    fn the_end_of_the_supervisor_ends_its_programs() {
        let supervisor = Supervisor::start("kill -KILL $(cat pid)");
        supervisor.run("sleep 600 & echo $! >pid").unwrap();
        let directory = supervisor.directory().to_owned();
        let sleeper = fs::read_to_string(directory.join("pid")).unwrap();
        let process = Path::new("/proc").join(sleeper.trim());
        assert!(process.exists());
        drop(supervisor);
        assert!(!directory.exists());
        while fs::read_to_string(process.join("stat")).is_ok_and(|stat| !stat.contains(") Z ")) {
            thread::yield_now();
        }
    }

    #[test]
    fn signals_to_the_process_group_do_not_end_the_supervisor() {
        let supervisor = Supervisor::start("");
        for signal in ["HUP", "INT", "TERM"] {
            supervisor.run(&format!("kill -{signal} $$")).unwrap();
        }
        assert!(supervisor.run("true").is_ok());
    }
}
