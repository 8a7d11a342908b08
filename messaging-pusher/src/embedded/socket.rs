//! From a WebSocket to a session and back.

use std::{future::pending, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures_util::{
    SinkExt, StreamExt,
    stream::{SplitSink, SplitStream},
};
use messaging_core::clock::Clock;

use super::{
    close::Close,
    frame::Frame,
    liveness::{Liveness, Verdict},
    outbox::{Outbox, Outgoing},
    session::Session,
};

/// Carries one connection until it ends.
///
/// Once it is to be closed, the hub forgets it at once, and it has `close_timeout` to take what waits for it
/// and to say goodbye: a write that the client's slowness holds up is given up then.
pub(super) async fn carry(
    socket: WebSocket,
    session: Session,
    liveness: Liveness,
    clock: Arc<dyn Clock>,
    close_timeout: Duration,
) {
    let membership = session.membership();
    let (sink, stream) = socket.split();
    let closing = async {
        membership.outbox.closed().await;
        membership.end();
        clock.sleep(close_timeout).await;
    };
    tokio::select! {
        () = listen(stream, session, liveness, &*clock) => {}
        () = speak(sink, &membership.outbox) => {}
        () = closing => {}
    }
    tracing::debug!(
        socket_id = %membership.socket_id,
        closed = ?membership.outbox.close_reason(),
        "a realtime connection ended"
    );
}

/// Reads until the client has gone.
async fn listen(
    mut stream: SplitStream<WebSocket>,
    mut session: Session,
    mut liveness: Liveness,
    clock: &dyn Clock,
) {
    let outbox = session.membership().outbox.clone();
    let mut silence = clock.sleep(Duration::ZERO);
    loop {
        tokio::select! {
            message = stream.next() => {
                let now = clock.now();
                if let Some(wait) = liveness.heard(now) {
                    silence = clock.sleep(wait);
                }
                match message {
                    Some(Ok(Message::Text(text))) => session.receive(&text, now),
                    Some(Ok(Message::Binary(_))) => session.receive_binary(),
                    // The WebSocket answers pings and the client's goodbye by itself, as it is read on.
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_))) => {}
                    Some(Err(_)) => {
                        outbox.close(Close::Unreadable);
                        return pending().await;
                    }
                    None => return,
                }
            }
            () = &mut silence => match liveness.check(clock.now()) {
                Verdict::Quiet(left) => silence = clock.sleep(left),
                Verdict::Ping(patience) => {
                    outbox.push(Frame::ping());
                    silence = clock.sleep(patience);
                }
                Verdict::Dead => {
                    outbox.close(Close::NoPong);
                    silence = Box::pin(pending());
                }
            },
        }
    }
}

/// Sends what waits. Returns only when the connection is broken: the client answers a goodbye, and that is
/// for [`listen`] to hear.
async fn speak(mut sink: SplitSink<WebSocket, Message>, outbox: &Outbox) {
    while let Ok(outgoing) = next(&mut sink, outbox).await {
        let sent = match outgoing {
            Outgoing::Frame(frame) => sink.feed(Message::Text(frame.into_text())).await,
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

/// What to send next. Frames that wait together are written together.
async fn next(sink: &mut SplitSink<WebSocket, Message>, outbox: &Outbox) -> Result<Outgoing, axum::Error> {
    if let Some(outgoing) = outbox.try_next() {
        return Ok(outgoing);
    }
    sink.flush().await?;
    Ok(outbox.next().await)
}
