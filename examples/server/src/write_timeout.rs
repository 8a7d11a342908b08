//! A connection with a minimum read rate of its client.
//!
//! Writes may wait for the limit in total, plus a second for each [`MIN_RATE`] bytes written. So a client that reads
//! nothing or only single bytes is disconnected, while a slow but steady client is served without a time limit. Idle
//! time without a pending write does not count.

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

/// Minimum average read rate, in bytes a second: that of the slowest mobile networks (GPRS, one slot).
const MIN_RATE: u32 = 1024;

/// Maximum allowance that a stream accumulates by reading fast, in multiples of the limit.
///
/// More than one, because the kernel reports progress in steps: Linux reports a third or more of its buffer at once
/// ([`SEND_BUFFER`](crate::serve::SEND_BUFFER)).
const MAX_ALLOWANCE_FACTOR: u32 = 4;

/// A stream whose writes fail if its client reads too slowly.
#[derive(Debug)]
pub(crate) struct WriteTimeout<S> {
    stream: S,
    limit: Duration,
    /// The remaining time for which writes may wait.
    allowance: Duration,
    is_disabled: Arc<AtomicBool>,
    pending: Option<PendingWrite>,
}

/// A pending write.
#[derive(Debug)]
struct PendingWrite {
    since: Instant,
    end: Pin<Box<Sleep>>,
}

/// Disables the limit of a stream that has been handed over to another owner.
#[derive(Debug)]
pub(crate) struct LimitHandle(Arc<AtomicBool>);

impl<S> WriteTimeout<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            allowance: limit,
            is_disabled: Arc::default(),
            pending: None,
        }
    }

    pub(crate) fn limit_handle(&self) -> LimitHandle {
        LimitHandle(self.is_disabled.clone())
    }

    fn within_allowance(
        &mut self,
        context: &mut Context<'_>,
        write: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if self.is_disabled.load(Ordering::Relaxed) {
            self.pending = None;
            return write;
        }
        if let Poll::Ready(written) = &write {
            if let Some(pending) = self.pending.take() {
                self.allowance = self.allowance.saturating_sub(pending.since.elapsed());
            }
            if let Ok(bytes) = written {
                self.allowance += time_for(*bytes);
            }
            self.allowance = self.allowance.min(self.limit * MAX_ALLOWANCE_FACTOR);
            return write;
        }
        let allowance = self.allowance;
        let pending = self.pending.get_or_insert_with(|| PendingWrite::new(allowance));
        ready!(pending.end.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl PendingWrite {
    #[expect(
        clippy::disallowed_methods,
        reason = "an interval measured by this process's timers"
    )]
    fn new(allowance: Duration) -> Self {
        Self {
            since: Instant::now(),
            end: Box::pin(sleep(allowance)),
        }
    }
}

/// The time allowed for this number of bytes.
fn time_for(bytes: usize) -> Duration {
    Duration::from_secs(1) * u32::try_from(bytes).unwrap_or(u32::MAX) / MIN_RATE
}

impl LimitHandle {
    pub(crate) fn disable(self) {
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

    /// Time until the write of an endless response fails, if the client reads `bytes` bytes and pauses, repeatedly;
    /// `None` if it does not fail within an hour.
    async fn time_until_failure(bytes: usize, pause: Duration) -> Option<Duration> {
        const HOUR: Duration = Duration::from_hours(1);
        // The kernel's buffer for a slow client.
        let (near, mut far) = duplex(32 * 1024);
        let mut near = WriteTimeout::new(near, LIMIT);
        let started = PendingWrite::new(HOUR).since;
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
            () = reading => unreachable!("the reader never ends"),
            () = sleep(HOUR) => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_fails_at_the_limit_if_nothing_is_read() {
        let (near, far) = duplex(4);
        let mut near = WriteTimeout::new(near, LIMIT);
        let write = timeout(LIMIT + Duration::from_secs(1), near.write_all(b"12345")).await;
        assert_eq!(write.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(far);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_below_the_minimum_rate_is_disconnected() {
        for (bytes, pause) in [(1, 9_000), (1, 10), (100, 1_000), (1_000, 1_000), (9_000, 9_500)] {
            let failed_after = time_until_failure(bytes, Duration::from_millis(pause)).await;
            let failed_after =
                failed_after.unwrap_or_else(|| panic!("{bytes} bytes each {pause} ms keep a connection"));
            assert!(
                failed_after > LIMIT,
                "{bytes} bytes each {pause} ms: {failed_after:?}"
            );
        }
    }

    /// Single bytes accumulate no allowance: the client receives only the buffered data.
    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_single_bytes_is_disconnected_as_early_as_a_silent_one() {
        let silent = time_until_failure(1, Duration::from_hours(2)).await.unwrap();
        let trickle = time_until_failure(1, Duration::from_secs(9)).await.unwrap();
        assert!(silent <= LIMIT * MAX_ALLOWANCE_FACTOR, "{silent:?}");
        assert!(trickle <= silent + Duration::from_millis(10), "{trickle:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_above_the_minimum_rate_is_never_disconnected() {
        // Small steps, and the steps in which Linux reports 2 KiB a second.
        for (bytes, pause) in [(1_100, 1_000), (10_900, 10_000), (24_616, 13_000)] {
            let failed_after = time_until_failure(bytes, Duration::from_millis(pause)).await;
            assert_eq!(failed_after, None, "{bytes} bytes each {pause} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_accumulated_allowance_is_bounded() {
        let (near, mut far) = duplex(1024);
        let mut near = WriteTimeout::new(near, LIMIT);
        let mut read = vec![0; 10 * 1024 * 1024];
        let fast = vec![0; read.len()];
        let (written, _) = tokio::join!(near.write_all(&fast), far.read_exact(&mut read));
        written.unwrap();
        let write = near.write_all(&[0; 2048]);
        let write = timeout(LIMIT * MAX_ALLOWANCE_FACTOR + Duration::from_secs(1), write).await;
        assert_eq!(write.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn idle_time_does_not_reduce_the_allowance() {
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
    async fn a_disabled_limit_never_fails_a_write() {
        let (near, far) = duplex(4);
        let mut near = WriteTimeout::new(near, LIMIT);
        near.limit_handle().disable();
        let write = timeout(10 * LIMIT, near.write_all(b"12345")).await;
        assert!(write.is_err());
        drop(far);
    }
}
