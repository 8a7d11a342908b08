//! A server, and requests written byte by byte, as no regular client writes them.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use messaging_tests::{Server, Settings, eventually};
use tempfile::TempDir;

/// Longer than the server's own limits.
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

/// A connection with a regular slot, which it keeps. A closed one occupies its slot for a moment.
pub(crate) fn kept(server: &Server) -> TcpStream {
    eventually("a slot is free", || {
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

/// Reads the response until the server disconnects.
pub(crate) fn rest(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        // The server did not read all of the request.
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        Err(error) => panic!("the server does not disconnect: {error}"),
    }
    String::from_utf8(answer).unwrap()
}

/// Sends this, and reads the response until the server disconnects.
pub(crate) fn answer(server: &Server, request: &str) -> String {
    let mut stream = connect(server);
    // The server may have disconnected before all of it was sent.
    stream.write_all(request.as_bytes()).ok();
    rest(stream)
}

/// A request after which the server disconnects.
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

/// Returns the memory of the server's process, where the system reports it.
pub(crate) fn resident_mib(server: &Server) -> u64 {
    let Ok(told) = std::fs::read_to_string(format!("/proc/{}/status", server.process_id())) else {
        return 0;
    };
    let line = told.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    kib.and_then(|kib| kib.parse::<u64>().ok()).unwrap() / 1024
}
