//! A server, and requests written byte by byte, as no honest client writes them.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use messaging_tests::{Server, Settings, eventually};
use tempfile::TempDir;

/// Longer than the server waits.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn start(settings: &[(&str, &str)]) -> (Server, TempDir) {
    let data = tempfile::tempdir().unwrap();
    let begun = Settings::in_directory(data.path());
    let settings = settings
        .iter()
        .fold(begun, |begun, (name, value)| begun.with_env(name, value));
    (settings.start(), data)
}

pub(crate) fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A connection that has a place among all others, and keeps it. One that is closed keeps its own for a moment.
pub(crate) fn kept(server: &Server) -> TcpStream {
    eventually("there is a place", || {
        let mut stream = connect(server);
        stream
            .write_all(b"HEAD /demo/users HTTP/1.1\r\nHost: here\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if stream.read(&mut byte).unwrap() == 0 {
                break;
            }
            answer.extend(byte);
        }
        answer.starts_with(b"HTTP/1.1 200").then_some(stream)
    })
}

/// What is answered until the server hangs up.
pub(crate) fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        // It did not read all that it was sent.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the server does not hang up: {error}"),
    }
    String::from_utf8(answer).unwrap()
}

/// Sends this, and gives what is answered until the server hangs up.
pub(crate) fn answer(server: &Server, request: &str) -> String {
    let mut stream = connect(server);
    // It may have hung up before all of it was sent.
    stream.write_all(request.as_bytes()).ok();
    rest(stream)
}

/// A request after which the server hangs up.
pub(crate) fn request(line: &str, headers: &[&str], body: &str) -> String {
    let headers: String = headers.iter().flat_map(|header| [header, "\r\n"]).collect();
    let length = body.len();
    format!(
        "{line} HTTP/1.1\r\nHost: here\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    )
}

pub(crate) fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

/// How much memory the server's process has, where that can be seen.
pub(crate) fn resident_mib(server: &Server) -> u64 {
    let Ok(told) = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())) else {
        return 0;
    };
    let line = told.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap() / 1024
}
