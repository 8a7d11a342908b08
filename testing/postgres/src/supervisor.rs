use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use crate::account::Account;

/// A shell that starts programs and stops them when this process ends, however it ends: a static is never
/// dropped, and a killed process drops nothing. Not as root, and in a directory that goes with it.
#[derive(Debug)]
pub(crate) struct Supervisor {
    shell: Child,
    directory: PathBuf,
    pipes: Mutex<Option<Pipes>>,
}

#[derive(Debug)]
struct Pipes {
    // Nobody else holds this end: its end is that of this process.
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

/// The command's status was not 0.
#[derive(Debug)]
pub(crate) struct Failed;

const SCRIPT: &str = include_str!("supervisor.sh");
const LOG: &str = "log";

impl Supervisor {
    /// Starts one that runs this at its end. Commands are the shell's, and run in its directory, which is in memory
    /// where it can be.
    ///
    /// # Panics
    /// When no directory can be made for it.
    pub(crate) fn start(at_the_end: &str) -> Self {
        Self::start_in(&["/dev/shm".into(), env::temp_dir(), "/tmp".into()], at_the_end)
    }

    /// The same, with a directory where temporary files are.
    pub(crate) fn start_on_disk(at_the_end: &str) -> Self {
        Self::start_in(&[env::temp_dir()], at_the_end)
    }

    fn start_in(parents: &[PathBuf], at_the_end: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command
            .args(["-c", SCRIPT, "supervisor.sh", at_the_end])
            .args(parents)
            .current_dir("/")
            // Ctrl-C, or a time limit, is for the tests.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Nobody who reads what the tests write shall wait for its end.
            .stderr(Stdio::null());
        if let Some(account) = Account::instead_of_root() {
            account.run(&mut command);
        }
        let mut shell = command.spawn().expect("there is a shell");
        let mut pipes = Pipes {
            commands: shell.stdin.take().expect("it is piped"),
            answers: BufReader::new(shell.stdout.take().expect("it is piped")),
        };
        let directory = PathBuf::from(pipes.answer());
        assert!(directory.is_absolute(), "no directory for tests has 1 GB of room");
        Self {
            shell,
            directory,
            pipes: Mutex::new(Some(pipes)),
        }
    }

    /// Where the commands run.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Runs a command of one line, to its end.
    ///
    /// # Errors
    /// [`Failed`], and [`log`](Self::log) says why.
    ///
    /// # Panics
    /// When somebody has ended the shell.
    pub(crate) fn run(&self, command: &str) -> Result<(), Failed> {
        let mut pipes = self.pipes.lock().unwrap_or_else(PoisonError::into_inner);
        let pipes = pipes.as_mut().expect("only dropping it takes its pipes");
        writeln!(pipes.commands, "{command}").expect("the supervisor reads");
        match pipes.answer().as_str() {
            "" => panic!("the supervisor of {} has ended", self.directory.display()),
            "0" => Ok(()),
            _ => Err(Failed),
        }
    }

    /// Adds lines to a file in its directory.
    ///
    /// # Panics
    /// When they cannot be written.
    pub(crate) fn append(&self, file: &str, lines: impl Iterator<Item = String>) {
        let lines: Vec<String> = lines.map(|line| quoted(&line)).collect();
        let appended = self.run(&format!("printf '%s\\n' {} >>{}", lines.join(" "), quoted(file)));
        assert!(appended.is_ok(), "{file} cannot be written:\n{}", self.log());
    }

    /// What the commands wrote.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.directory.join(LOG)).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }
}

impl Pipes {
    /// The next line without its end; empty if the shell has ended.
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

/// A word of a command, whatever is in it.
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
