use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use messaging_test_postgres::{Database, How, PgServer};
use sqlx::{Connection as _, PgConnection};

use crate::{connect, eventually, run, value};

#[tokio::test]
async fn a_started_server_is_ready() {
    let mut connection = connect(&PgServer::shared().admin_url()).await;
    assert_eq!(value::<i32>(&mut connection, "SELECT 1").await, 1);
}

#[tokio::test]
async fn settings_can_be_added() {
    let server = PgServer::start_with(&[("max_connections", "20"), ("application_name", "it's")]);
    let mut connection = connect(&server.admin_url()).await;
    let setting: String = value(&mut connection, "SHOW max_connections").await;
    assert_eq!(setting, "20");
    let setting: String = value(&mut connection, "SHOW application_name").await;
    assert_eq!(setting, "it's");
    let setting: String = value(&mut connection, "SHOW fsync").await;
    assert_eq!(setting, "off");
}

#[tokio::test]
async fn committed_rows_survive_every_kind_of_restart() {
    let server = PgServer::start();
    let port = server.port();
    let mut connection = connect(&server.admin_url()).await;
    run(&mut connection, "CREATE TABLE kept (number int)").await;
    for (how, number) in [(How::Fast, 1), (How::Immediate, 2)] {
        run(&mut connection, &format!("INSERT INTO kept VALUES ({number})")).await;
        server.stop(how);
        assert!(connection.ping().await.is_err());
        assert!(PgConnection::connect(&server.admin_url()).await.is_err());
        server.start_again();
        assert_eq!(server.port(), port);
        connection = connect(&server.admin_url()).await;
        let count: i64 = value(&mut connection, "SELECT count(*) FROM kept").await;
        assert_eq!(count, number);
    }
    server.restart(How::Fast);
    assert!(server.log().contains("database system was shut down"));
}

#[tokio::test]
async fn a_dropped_server_leaves_nothing() {
    let server = PgServer::start();
    let port = server.port();
    let directory = directory_of(&server).await;
    assert!(directory.exists());
    drop(server);
    assert!(is_gone(&directory, port));
}

#[tokio::test]
async fn a_stopped_server_leaves_nothing() {
    let server = PgServer::start();
    let (port, directory) = (server.port(), directory_of(&server).await);
    server.stop(How::Fast);
    drop(server);
    assert!(is_gone(&directory, port));
}

#[tokio::test]
async fn no_file_or_process_is_left_after_any_exit() {
    for end in ["exit", "panic", "KILL", "INT", "TERM"] {
        let mut other = OtherProcess::start(&[]);
        let port = other.read_value("port ").parse().unwrap();
        let directory = parent(&other.read_value("directory "));
        assert!(directory.exists(), "{end}");
        assert!(TcpStream::connect(("127.0.0.1", port)).is_ok(), "{end}");
        other.end(end);
        eventually(&format!("nothing is left after {end}"), async || {
            is_gone(&directory, port)
        })
        .await;
    }
}

#[tokio::test]
async fn the_server_of_the_environment_is_used_and_not_stopped() {
    let server = PgServer::start();
    let url = server.admin_url();
    let mut other = OtherProcess::start(&[("DATABASE_URL", &url)]);
    assert_eq!(other.read_value("port "), server.port().to_string());
    assert_eq!(other.read_value("schema "), "dropped");
    other.end("KILL");
    let mut connection = connect(&url).await;
    assert_eq!(value::<i32>(&mut connection, "SELECT 1").await, 1);
}

/// A separate process that uses its shared server.
struct OtherProcess {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl OtherProcess {
    fn start(environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_other-process"))
            .env_remove("DATABASE_URL")
            .env_remove(Database::SHARED)
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the process can be started");
        let output = BufReader::new(child.stdout.take().expect("stdout is piped"));
        Self { child, output }
    }

    /// Waits for a line with this prefix, and returns the rest.
    fn read_value(&mut self, what: &str) -> String {
        let mut lines = self.output.by_ref().lines().map_while(Result::ok);
        let found = lines.find_map(|line| line.strip_prefix(what).map(str::to_owned));
        found.unwrap_or_else(|| panic!("the process ended without printing its {what}"))
    }

    fn end(&mut self, how: &str) {
        if how == how.to_lowercase() {
            let input = self.child.stdin.as_mut().expect("stdin is piped");
            writeln!(input, "{how}").expect("the process reads stdin");
        } else {
            let kill = format!("kill -{how} {}", self.child.id());
            let killed = Command::new("sh").args(["-c", &kill]).status();
            let killed = killed.expect("a shell is installed");
            assert!(killed.success(), "{kill}");
        }
        self.child.wait().expect("the process ends");
    }
}

impl Drop for OtherProcess {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Returns the directories that are removed with a server.
async fn directory_of(server: &PgServer) -> PathBuf {
    let data: String = value(&mut connect(&server.admin_url()).await, "SHOW data_directory").await;
    parent(&data)
}

fn parent(data: &str) -> PathBuf {
    Path::new(data)
        .parent()
        .expect("the data directory has a parent")
        .to_owned()
}

fn is_gone(directory: &Path, port: u16) -> bool {
    !directory.exists() && TcpStream::connect(("127.0.0.1", port)).is_err()
}
