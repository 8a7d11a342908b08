//! A connection on which writing has an end, although its client does not read.

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
    time::{Sleep, sleep},
};

/// A stream on which a write fails once nothing of it has been taken for so long.
#[derive(Debug)]
pub(crate) struct WriteTimeout<S> {
    stream: S,
    limit: Duration,
    is_lifted: Arc<AtomicBool>,
    stalled: Option<Pin<Box<Sleep>>>,
}

/// Lifts the limit of a stream that is out of reach by then.
#[derive(Debug)]
pub(crate) struct Lift(Arc<AtomicBool>);

impl<S> WriteTimeout<S> {
    pub(crate) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            is_lifted: Arc::default(),
            stalled: None,
        }
    }

    pub(crate) fn lift(&self) -> Lift {
        Lift(self.is_lifted.clone())
    }

    fn within_limit<T>(
        &mut self,
        context: &mut Context<'_>,
        write: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if write.is_ready() || self.is_lifted.load(Ordering::Relaxed) {
            self.stalled = None;
            return write;
        }
        let limit = self.limit;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
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
        self.within_limit(context, write)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let write = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.within_limit(context, write)
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

    #[tokio::test(start_paused = true)]
    async fn a_write_that_nobody_takes_fails_at_the_limit() {
        let (near, far) = duplex(4);
        let mut near = WriteTimeout::new(near, LIMIT);
        let write = timeout(LIMIT + Duration::from_secs(1), near.write_all(b"12345")).await;
        assert_eq!(write.unwrap().unwrap_err().kind(), io::ErrorKind::TimedOut);
        drop(far);
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_of_which_a_part_is_taken_in_time_goes_on() {
        let (near, mut far) = duplex(4);
        let mut near = WriteTimeout::new(near, LIMIT);
        let slow = async {
            for _ in 0..4 {
                sleep(Duration::from_secs(9)).await;
                far.read_exact(&mut [0; 4]).await.unwrap();
            }
        };
        let (written, ()) = tokio::join!(near.write_all(&[0; 20]), slow);
        written.unwrap();
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
