//! Connects a WebSocket to a session.

use std::{
    error::Error as _,
    future::pending,
    pin::{Pin, pin},
    sync::Arc,
    time::Duration,
};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{
    Sink, SinkExt, Stream, StreamExt,
    future::{Either, select},
};
use messaging_core::clock::Clock;

use super::{
    close::Close,
    frame::Frame,
    liveness::{Liveness, Verdict},
    options::EmbeddedOptions,
    rate_limit::TokenBucket,
    send_queue::{Outgoing, SendQueue},
    session::Session,
};

/// Serves one connection until it ends.
///
/// Once the connection is closing, it leaves the hub at once and has the close timeout to send its queue and complete
/// the close handshake. A blocked write is abandoned then.
pub(super) async fn serve(
    socket: WebSocket,
    session: Session,
    options: &EmbeddedOptions,
    clock: Arc<dyn Clock>,
) {
    let registration = session.registration();
    let (sink, stream) = socket.split();
    let closing = async {
        registration.queue.closed().await;
        registration.unregister();
        clock.sleep(options.close_timeout).await;
    };
    tokio::select! {
        () = read_messages(stream, session, options, &*clock) => {}
        () = write_frames(sink, &registration.queue, options.pong_timeout, &*clock) => {}
        () = closing => {}
    }
    tracing::debug!(
        socket_id = %registration.socket_id,
        closed = ?registration.queue.close_reason(),
        "realtime connection ended"
    );
}

/// Reads messages until the client disconnects, at most at the rate of the options.
pub(super) async fn read_messages<S>(
    mut stream: S,
    mut session: Session,
    options: &EmbeddedOptions,
    clock: &dyn Clock,
) where
    S: Stream<Item = Result<Message, axum::Error>> + Send + Unpin,
{
    let queue = session.registration().queue.clone();
    let mut liveness = Liveness::new(options.activity_timeout, options.pong_timeout, clock.now());
    let mut bucket = TokenBucket::new(options.messages_per_second, options.message_burst, clock.now());
    let mut silence = clock.sleep(options.activity_timeout);
    let mut pause: Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = None;
    loop {
        tokio::select! {
            () = async { if let Some(pause) = &mut pause { pause.await } }, if pause.is_some() => pause = None,
            message = stream.next(), if pause.is_none() => {
                let now = clock.now();
                pause = bucket.take(now).map(|wait| clock.sleep(wait));
                if let Some(wait) = liveness.record_message(now) {
                    silence = clock.sleep(wait);
                }
                match message {
                    Some(Ok(Message::Text(text))) => session.receive(&text, now),
                    Some(Ok(Message::Binary(_))) => session.receive_binary(),
                    // The WebSocket library answers pings and close frames while it reads.
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => {}
                    // Dropping the connection with unread input would reset it, and the client would not receive the
                    // close frame.
                    Some(Err(error)) if is_too_large(&error) => {
                        queue.close(Close::Unreadable);
                        return pending().await;
                    }
                    Some(Err(_)) | None => return,
                }
            }
            () = &mut silence => match liveness.check(clock.now()) {
                Verdict::Quiet(left) => silence = clock.sleep(left),
                Verdict::Ping(pong_timeout) => {
                    queue.push(Frame::ping());
                    silence = clock.sleep(pong_timeout);
                }
                Verdict::Dead => {
                    queue.close(Close::NoPong);
                    silence = Box::pin(pending());
                }
            },
        }
    }
}

/// Whether the read error is an oversized message.
fn is_too_large(error: &axum::Error) -> bool {
    let error = error.source().and_then(|error| error.downcast_ref());
    matches!(error, Some(tungstenite::Error::Capacity(_)))
}

/// Writes queued frames. Returns only when the connection is broken: the answer to a close frame is for
/// [`read_messages`] to read. A write that takes longer than `timeout` closes the connection, whatever the client sends
/// meanwhile.
pub(super) async fn write_frames<S>(mut sink: S, queue: &SendQueue, timeout: Duration, clock: &dyn Clock)
where
    S: Sink<Message> + Send + Unpin,
    S::Error: Send,
{
    let write_timeout = WriteTimeout {
        queue,
        timeout,
        clock,
    };
    loop {
        // Flush only when the queue is empty, so that queued frames share writes.
        let outgoing = match queue.try_next() {
            Some(outgoing) => outgoing,
            None if write_timeout.apply(sink.flush()).await.is_err() => return,
            None => queue.next().await,
        };
        let sent = match outgoing {
            Outgoing::Frame(frame) => {
                write_timeout
                    .apply(sink.feed(Message::Text(frame.into_text())))
                    .await
            }
            Outgoing::Close(close) => {
                let close_frame = CloseFrame {
                    code: close.code(),
                    reason: close.reason().into(),
                };
                if sink.send(Message::Close(Some(close_frame))).await.is_ok() {
                    return pending().await;
                }
                return;
            }
        };
        if sent.is_err() {
            return;
        }
    }
}

struct WriteTimeout<'a> {
    queue: &'a SendQueue,
    timeout: Duration,
    clock: &'a dyn Clock,
}

impl WriteTimeout<'_> {
    /// Closes the connection if a write exceeds the timeout, and keeps waiting for the write: the client may still
    /// receive the close frame.
    async fn apply<F: Future + Send>(&self, write: F) -> F::Output
    where
        F::Output: Send,
    {
        let mut write = pin!(write);
        match select(write.as_mut(), self.clock.sleep(self.timeout)).await {
            Either::Left((written, _)) => written,
            Either::Right(((), _)) => {
                self.queue.close_as_too_slow();
                write.await
            }
        }
    }
}
