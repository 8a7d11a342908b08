//! A connection whose client has to read at a minimum rate.
//!
//! A stream may wait as long as a limit says, and a second more for each [`MIN_RATE`] bytes that were taken. So a
//! client that reads nothing is given up, and one that reads a byte now and then as well, while one that reads
//! slowly without an end is served. A stream on which no write waits loses nothing.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep},
};

/// How many bytes a second a client has to read on average: what the slowest of mobile networks (GPRS, one slot)
/// carries.
const MIN_RATE: u32 = 1024;

/// How many limits a stream may save up by reading fast.
///
/// More than one, because a system shows in steps what a client has read: Linux reports a third or more of its
/// buffer at once ([`SEND_BUFFER`](crate::serve::SEND_BUFFER)).
const MAX_SAVED: u32 = 4;

/// A stream on which a write fails once its client has read too slowly.
#[derive(Debug)]
pub(crate) struct WriteTimeout<S> {
    stream: S,
    limit: Duration,
    /// How long writes may wait from now on.
    allowance: Duration,
    is_lifted: Arc<AtomicBool>,
    waiting: Option<Waiting>,
}

/// A write that waits.
#[derive(Debug)]
struct Waiting {
    since: Instant,
    end: Pin<Box<Sleep>>,
}

/// Lifts the limit of a stream that is out of reach by then.
#[derive(Debug)]
pub(crate) struct Lift(Arc<AtomicBool>);

impl<S> WriteTimeout<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            allowance: limit,
            is_lifted: Arc::default(),
            waiting: None,
        }
    }

    pub(crate) fn lift(&self) -> Lift {
        Lift(self.is_lifted.clone())
    }

    fn within_allowance(
        &mut self,
        context: &mut Context<'_>,
        write: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if self.is_lifted.load(Ordering::Relaxed) {
            self.waiting = None;
            return write;
        }
        if let Poll::Ready(written) = &write {
            if let Some(waiting) = self.waiting.take() {
                self.allowance = self.allowance.saturating_sub(waiting.since.elapsed());
            }
            if let Ok(bytes) = written {
                self.allowance += time_of(*bytes);
            }
            self.allowance = self.allowance.min(self.limit * MAX_SAVED);
            return write;
        }
        let allowance = self.allowance;
        let waiting = self.waiting.get_or_insert_with(|| Waiting::of(allowance));
        ready!(waiting.end.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl Waiting {
    #[expect(
        clippy::disallowed_methods,
        reason = "an interval of this process, as its timers measure it"
    )]
    fn of(allowance: Duration) -> Self {
        Self {
            since: Instant::now(),
            end: Box::pin(sleep(allowance)),
        }
    }
}

/// How long these bytes may take.
fn time_of(bytes: usize) -> Duration {
    Duration::from_secs(1) * u32::try_from(bytes).unwrap_or(u32::MAX) / MIN_RATE
}

impl Lift {
    pub(crate) fn now(self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within_allowance(context, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.within_allowance(context, write)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::timeout,
    };

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// For how long an endless answer is written to a client that reads so many bytes at a time, with a pause after
    /// each; `None` if it goes on for an hour.
    async fn time_until_given_up(bytes: usize, pause: Duration) -> Option<Duration> {
        const HOUR: Duration = Duration::from_hours(1);
        // What a system holds for a slow client.
        let (near, mut far) = duplex(32 * 1024);
        let mut near = WriteTimeout::new(near, LIMIT);
        let started = Waiting::of(HOUR).since;
        let endless = async {
            loop {
                if let Err(error) = near.write_all(&[0; 8 * 1024]).await {
                    return error.kind();
                }
            }
        };
        let reading = async {
            let mut part = vec![0; bytes];
            loop {
                sleep(pause).await;
                far.read_exact(&mut part).await.unwrap();
            }
        };
        tokio::select! {
            kind = endless => {
                assert_eq!(kind, io::ErrorKind::TimedOut);
                Some(started.elapsed())
            }
            () = reading => unreachable!("it reads without an end"),
            () = sleep(HOUR) => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_of_which_nothing_is_read_fails_at_the_limit() {
        let (near, far) = duplex(4);
        let mut near = WriteTimeout::new(near, LIMIT);
        let write = timeout(LIMIT + Duration::from_secs(1), near.write_all(b"12345")).await;
        assert_eq!(write.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(far);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_too_slowly_is_given_up() {
        for (bytes, pause) in [(1, 9_000), (1, 10), (100, 1_000), (1_000, 1_000), (9_000, 9_500)] {
            let given_up = time_until_given_up(bytes, Duration::from_millis(pause)).await;
            let given_up =
                given_up.unwrap_or_else(|| panic!("{bytes} bytes each {pause} ms keep a connection"));
            assert!(given_up > LIMIT, "{bytes} bytes each {pause} ms: {given_up:?}");
        }
    }

    /// One byte at a time saves nothing up: the buffer's worth is all it gets.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_byte_now_and_then_is_given_up_as_one_that_reads_nothing() {
        let deaf = time_until_given_up(1, Duration::from_hours(2)).await.unwrap();
        let trickle = time_until_given_up(1, Duration::from_secs(9)).await.unwrap();
        assert!(deaf <= LIMIT * MAX_SAVED, "{deaf:?}");
        assert!(trickle <= deaf + Duration::from_millis(10), "{trickle:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_on_a_slow_network_is_served_without_an_end() {
        // In small steps, and in those in which Linux shows 2 KiB a second.
        for (bytes, pause) in [(1_100, 1_000), (10_900, 10_000), (24_616, 13_000)] {
            let given_up = time_until_given_up(bytes, Duration::from_millis(pause)).await;
            assert_eq!(given_up, None, "{bytes} bytes each {pause} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_saved_up_is_bounded() {
        let (near, mut far) = duplex(1024);
        let mut near = WriteTimeout::new(near, LIMIT);
        let mut read = vec![0; 10 * 1024 * 1024];
        let fast = vec![0; read.len()];
        let (written, _) = tokio::join!(near.write_all(&fast), far.read_exact(&mut read));
        written.unwrap();
        let write = near.write_all(&[0; 2048]);
        let write = timeout(LIMIT * MAX_SAVED + Duration::from_secs(1), write).await;
        assert_eq!(write.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_has_nothing_to_write_loses_nothing() {
        let (near, mut far) = duplex(1024);
        let mut near = WriteTimeout::new(near, LIMIT);
        for _ in 0..3 {
            sleep(Duration::from_hours(1)).await;
            let reading = async {
                sleep(Duration::from_secs(9)).await;
                far.read_exact(&mut [0; 16 * 1024]).await.unwrap();
            };
            let (written, ()) = tokio::join!(near.write_all(&[0; 16 * 1024]), reading);
            written.unwrap();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_whose_limit_is_lifted_waits() {
        let (near, far) = duplex(4);
        let mut near = WriteTimeout::new(near, LIMIT);
        near.lift().now();
        let write = timeout(10 * LIMIT, near.write_all(b"12345")).await;
        assert!(write.is_err());
        drop(far);
    }
}
