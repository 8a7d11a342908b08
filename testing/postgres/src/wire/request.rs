use std::{
    collections::HashMap,
    io::{self, Read},
    mem,
};

use super::message::Message;

/// The messages that a client sends before it waits: a simple query, or an extended query up to its sync.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) bytes: Vec<u8>,
    /// The SQL of each executed statement.
    pub(super) statements: Vec<String>,
    /// Whether the server answers with `ReadyForQuery`.
    pub(super) is_answered: bool,
    /// Whether the request is empty otherwise.
    pub(super) is_ping: bool,
}

/// The requests of one client.
pub(super) struct Requests<R> {
    source: R,
    pending: Request,
    /// The SQL of each prepared statement, by its name.
    prepared: HashMap<String, String>,
    /// The SQL of each portal, by its name.
    portals: HashMap<String, String>,
}

impl<R: Read> Requests<R> {
    pub(super) fn of(source: R) -> Self {
        Self {
            source,
            pending: Request::default(),
            prepared: HashMap::new(),
            portals: HashMap::new(),
        }
    }

    /// Waits for the next request.
    ///
    /// # Errors
    /// If the client has disconnected.
    pub(super) fn next(&mut self) -> io::Result<Request> {
        loop {
            let message = Message::read(&mut self.source)?;
            if self.add(&message) {
                return Ok(mem::take(&mut self.pending));
            }
        }
    }

    /// Adds a message, and returns whether it ends the request.
    fn add(&mut self, message: &Message) -> bool {
        let pending = &mut self.pending;
        let is_first = pending.bytes.is_empty();
        pending.bytes.extend_from_slice(message.bytes());
        let mut body = message.body();
        match message.kind() {
            b'P' => {
                self.prepared.insert(text(&mut body), text(&mut body));
            }
            b'B' => {
                let portal = text(&mut body);
                let sql = self.prepared.get(&text(&mut body)).cloned();
                self.portals.insert(portal, sql.unwrap_or_default());
            }
            b'E' => {
                let sql = self.portals.get(&text(&mut body)).cloned();
                pending.statements.push(sql.unwrap_or_default());
            }
            // Describing and closing.
            b'D' | b'C' => {}
            b'Q' => {
                pending.statements.push(text(&mut body));
                pending.is_answered = true;
                return true;
            }
            b'S' => {
                pending.is_answered = true;
                pending.is_ping = is_first;
                return true;
            }
            // A function call of the obsolete sub-protocol.
            b'F' => {
                pending.is_answered = true;
                return true;
            }
            // Passwords, copied data, a flush, and the termination.
            _ => return true,
        }
        false
    }
}

/// Reads the next text of a message, up to its terminator.
fn text(body: &mut &[u8]) -> String {
    let end = body.iter().position(|byte| *byte == 0).unwrap_or(body.len());
    let (text, rest) = body.split_at(end);
    *body = rest.get(1..).unwrap_or_default();
    String::from_utf8_lossy(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(messages: &[(u8, &[u8])]) -> Vec<u8> {
        let message = |(kind, body): &(u8, &[u8])| {
            let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
            [&[*kind], length.as_slice(), body].concat()
        };
        messages.iter().flat_map(message).collect()
    }

    #[test]
    fn a_request_ends_at_the_clients_sync() {
        let bytes = stream(&[
            (b'P', b"one\0SELECT 1\0\0\0"),
            (b'D', b"Sone\0"),
            (b'S', b""),
            (b'B', b"here\0one\0\0\0\0\0\0\0"),
            (b'E', b"here\0\0\0\0\0"),
            (b'S', b""),
            (b'Q', b"COMMIT\0"),
            (b'S', b""),
            (b'X', b""),
        ]);
        let mut requests = Requests::of(bytes.as_slice());
        let mut passed = Vec::new();
        let mut check = |statements: &[&str], is_answered, is_ping| {
            let request = requests.next().unwrap();
            passed.extend(request.bytes);
            assert_eq!(request.statements, statements);
            assert_eq!((request.is_answered, request.is_ping), (is_answered, is_ping));
        };
        check(&[], true, false);
        check(&["SELECT 1"], true, false);
        check(&["COMMIT"], true, false);
        check(&[], true, true);
        check(&[], false, false);
        assert_eq!(passed, bytes);
        assert!(requests.next().is_err());
    }

    #[test]
    fn one_request_may_execute_several_statements() {
        let bytes = stream(&[
            (b'P', b"\0INSERT\0\0\0"),
            (b'B', b"\0\0\0\0\0\0\0\0"),
            (b'E', b"\0\0\0\0\0"),
            (b'P', b"\0UPDATE\0\0\0"),
            (b'B', b"\0\0\0\0\0\0\0\0"),
            (b'E', b"\0\0\0\0\0"),
            (b'S', b""),
        ]);
        let request = Requests::of(bytes.as_slice()).next().unwrap();
        assert_eq!(request.statements, ["INSERT", "UPDATE"]);
        assert!(!request.is_ping);
    }
}
