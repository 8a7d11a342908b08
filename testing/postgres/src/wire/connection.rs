use std::{
    io::{self, BufReader, BufWriter, Read, Write as _},
    net::{Shutdown, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use super::{
    control::{Control, Passage},
    fault::Trap,
    message::{Message, Opening},
    request::Requests,
};
use crate::url::ServerUrl;

/// A client's connection, and the connection to the server that it is forwarded to. If one ends, both do.
pub(super) struct Connection {
    client: TcpStream,
    server: TcpStream,
    control: Arc<Control>,
    cut: Mutex<Option<Cut>>,
}

/// An answer that is withheld from the client.
struct Cut {
    /// Its number; each answer ends with a `ReadyForQuery`.
    answer: u64,
    trap: Trap,
}

const READY_FOR_QUERY: u8 = b'Z';

impl Connection {
    /// Connects a client to the server.
    ///
    /// # Errors
    /// If the server is unreachable.
    pub(super) fn open(
        client: TcpStream,
        server: &ServerUrl,
        control: Arc<Control>,
    ) -> io::Result<Arc<Self>> {
        let server = TcpStream::connect((server.host(), server.port()))?;
        client.set_nodelay(true)?;
        server.set_nodelay(true)?;
        let connection = Arc::new(Self {
            client,
            server,
            control,
            cut: Mutex::new(None),
        });
        connection.control.register(&connection);
        Ok(connection)
    }

    /// Forwards in both directions until one end closes.
    pub(super) fn carry(&self) {
        let mut requests = BufReader::new(&self.client);
        if self.begin(&mut requests).is_ok() {
            thread::scope(|scope| {
                scope.spawn(|| {
                    self.carry_answers().ok();
                    self.close();
                });
                self.carry_requests(requests).ok();
                self.close();
            });
        }
        self.close();
    }

    /// Closes both directions.
    pub(super) fn close(&self) {
        self.client.shutdown(Shutdown::Both).ok();
        self.server.shutdown(Shutdown::Both).ok();
    }

    /// Forwards the packets before a session, and its first packet.
    fn begin(&self, requests: &mut impl Read) -> io::Result<()> {
        loop {
            let opening = Opening::read(requests)?;
            self.control.wait_until_open()?;
            (&self.server).write_all(opening.bytes())?;
            match opening.code() {
                Opening::TLS | Opening::GSS => {
                    let mut answer = [0];
                    (&self.server).read_exact(&mut answer)?;
                    // Encrypted data cannot be counted.
                    if answer != *b"N" {
                        return Err(io::ErrorKind::Unsupported.into());
                    }
                    (&self.client).write_all(&answer)?;
                }
                // A cancel request has no other content and no answer.
                Opening::CANCEL => return Err(io::ErrorKind::UnexpectedEof.into()),
                _ => return Ok(()),
            }
        }
    }

    fn carry_requests(&self, source: impl Read) -> io::Result<()> {
        let mut requests = Requests::of(source);
        // The server answers the start of a session, too.
        let mut asked = 1;
        loop {
            let request = requests.next()?;
            match self.control.pass(&request) {
                Passage::Free => {}
                Passage::CutBefore(trap) => {
                    trap.spring();
                    return Ok(());
                }
                Passage::CutAfter(trap) => {
                    let answer = asked + 1;
                    self.cut().get_or_insert(Cut { answer, trap });
                }
            }
            self.control.wait_until_open()?;
            asked += u64::from(request.is_answered);
            (&self.server).write_all(&request.bytes)?;
        }
    }

    fn carry_answers(&self) -> io::Result<()> {
        let mut answers = BufReader::new(&self.server);
        let mut client = BufWriter::new(&self.client);
        let mut answered = 0;
        loop {
            let message = Message::read(&mut answers)?;
            self.control.wait_until_open()?;
            let of = answered + 1;
            answered += u64::from(message.kind() == READY_FOR_QUERY);
            let is_cut = self.cut().as_ref().is_some_and(|cut| cut.answer == of);
            if !is_cut {
                client.write_all(message.bytes())?;
            } else if answered == of {
                if let Some(cut) = self.cut().take() {
                    cut.trap.spring();
                }
                return Ok(());
            }
            // Flushes once no received data are left to write.
            if answers.buffer().is_empty() {
                client.flush()?;
            }
        }
    }

    fn cut(&self) -> MutexGuard<'_, Option<Cut>> {
        self.cut.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
