//! From a WebSocket to a session and back.

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
    rate::Budget,
    send_queue::{Outgoing, SendQueue},
    session::Session,
};

/// Carries one connection until it ends.
///
/// Once it is to be closed, the hub forgets it at once, and it has the close time-out to take what waits for
/// it and to say goodbye: a write that the client's slowness holds up is given up then.
pub(super) async fn carry(
    socket: WebSocket,
    session: Session,
    options: &EmbeddedOptions,
    clock: Arc<dyn Clock>,
) {
    let membership = session.membership();
    let (sink, stream) = socket.split();
    let closing = async {
        membership.queue.closed().await;
        membership.end();
        clock.sleep(options.close_timeout).await;
    };
    tokio::select! {
        () = listen(stream, session, options, &*clock) => {}
        () = speak(sink, &membership.queue, options.pong_timeout, &*clock) => {}
        () = closing => {}
    }
    tracing::debug!(
        socket_id = %membership.socket_id,
        closed = ?membership.queue.close_reason(),
        "a realtime connection ended"
    );
}

/// Reads until the client has gone; no faster than the options say.
pub(super) async fn listen<S>(
    mut stream: S,
    mut session: Session,
    options: &EmbeddedOptions,
    clock: &dyn Clock,
) where
    S: Stream<Item = Result<Message, axum::Error>> + Send + Unpin,
{
    let queue = session.membership().queue.clone();
    let mut liveness = Liveness::new(options.activity_timeout, options.pong_timeout, clock.now());
    let mut budget = Budget::new(options.messages_per_second, options.message_burst, clock.now());
    let mut silence = clock.sleep(options.activity_timeout);
    let mut pause: Option<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = None;
    loop {
        tokio::select! {
            () = async { if let Some(pause) = &mut pause { pause.await } }, if pause.is_some() => pause = None,
            message = stream.next(), if pause.is_none() => {
                let now = clock.now();
                pause = budget.spend(now).map(|wait| clock.sleep(wait));
                if let Some(wait) = liveness.heard(now) {
                    silence = clock.sleep(wait);
                }
                match message {
                    Some(Ok(Message::Text(text))) => session.receive(&text, now),
                    Some(Ok(Message::Binary(_))) => session.receive_binary(),
                    // The WebSocket answers pings and the client's goodbye by itself, as it is read on.
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => {}
                    // The client is there and not done: were the connection dropped with a part unread, the
                    // client would hear a reset instead of the goodbye.
                    Some(Err(error)) if is_too_large(&error) => {
                        queue.close(Close::Unreadable);
                        return pending().await;
                    }
                    Some(Err(_)) | None => return,
                }
            }
            () = &mut silence => match liveness.check(clock.now()) {
                Verdict::Quiet(left) => silence = clock.sleep(left),
                Verdict::Ping(patience) => {
                    queue.push(Frame::ping());
                    silence = clock.sleep(patience);
                }
                Verdict::Dead => {
                    queue.close(Close::NoPong);
                    silence = Box::pin(pending());
                }
            },
        }
    }
}

/// Whether reading failed only because the message is far too large.
fn is_too_large(error: &axum::Error) -> bool {
    let error = error.source().and_then(|error| error.downcast_ref());
    matches!(error, Some(tungstenite::Error::Capacity(_)))
}

/// Sends what waits. Returns only when the connection is broken: the client answers a goodbye, and that is
/// for [`listen`] to hear. A write that takes longer than `patience` ends the connection, whatever the client
/// says meanwhile.
pub(super) async fn speak<S>(mut sink: S, queue: &SendQueue, patience: Duration, clock: &dyn Clock)
where
    S: Sink<Message> + Send + Unpin,
    S::Error: Send,
{
    let watch = Watch {
        queue,
        patience,
        clock,
    };
    loop {
        // Frames that wait together are written together.
        let outgoing = match queue.try_next() {
            Some(outgoing) => outgoing,
            None if watch.over(sink.flush()).await.is_err() => return,
            None => queue.next().await,
        };
        let sent = match outgoing {
            Outgoing::Frame(frame) => watch.over(sink.feed(Message::Text(frame.into_text()))).await,
            Outgoing::Close(close) => {
                let goodbye = CloseFrame {
                    code: close.code(),
                    reason: close.reason().into(),
                };
                if sink.send(Message::Close(Some(goodbye))).await.is_ok() {
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

struct Watch<'a> {
    queue: &'a SendQueue,
    patience: Duration,
    clock: &'a dyn Clock,
}

impl Watch<'_> {
    /// Ends the connection when a write takes too long, and waits on: it may yet be told.
    async fn over<F: Future + Send>(&self, write: F) -> F::Output
    where
        F::Output: Send,
    {
        let mut write = pin!(write);
        match select(write.as_mut(), self.clock.sleep(self.patience)).await {
            Either::Left((written, _)) => written,
            Either::Right(((), _)) => {
                self.queue.give_up();
                write.await
            }
        }
    }
}
