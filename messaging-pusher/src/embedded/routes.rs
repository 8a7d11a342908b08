//! The WebSocket route.

use axum::{
    Router,
    extract::{Path, RawQuery, State, ws::WebSocketUpgrade},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::any,
};
use messaging_core::event::SocketId;

use super::{EmbeddedChannels, session::Session, socket};

/// Number of sockets above the connection limit that are refused with a protocol error at a time; further ones receive
/// HTTP status 503.
const MAX_REFUSED_SOCKETS: usize = 256;
/// Messages of up to this multiple of the limit are read, so that they can be answered with an error.
const READ_LIMIT_FACTOR: usize = 4;
// Every connection allocates these buffers, even if idle.
const READ_BUFFER_BYTES: usize = 4 * 1024;
const WRITE_BUFFER_BYTES: usize = 16 * 1024;

pub(super) fn router<S: Clone + Send + Sync + 'static>(channels: EmbeddedChannels) -> Router<S> {
    // HTTP/2 opens a WebSocket with CONNECT instead of GET.
    Router::new()
        .route("/app/{key}", any(connect))
        .with_state(channels)
}

async fn connect(
    State(channels): State<EmbeddedChannels>,
    Path(key): Path<String>,
    RawQuery(query): RawQuery,
    upgrade: WebSocketUpgrade,
) -> Response {
    let EmbeddedChannels {
        server,
        sockets,
        clock,
        ..
    } = &channels;
    let options = &server.options;
    let Some(open) = sockets.open(options.max_connections.saturating_add(MAX_REFUSED_SOCKETS)) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let admitted = server.admit(&key, &query.unwrap_or_default());
    let max_message_bytes = options.max_message_bytes.saturating_mul(READ_LIMIT_FACTOR);
    let (server, clock) = (server.clone(), clock.clone());
    let socket_id = channels.new_socket_id();
    upgrade
        .max_message_size(max_message_bytes)
        .max_frame_size(max_message_bytes)
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .on_upgrade(async move |socket| {
            let session = Session::open(server.clone(), socket_id, admitted);
            socket::serve(socket, session, &server.options, clock).await;
            drop(open);
        })
}

impl EmbeddedChannels {
    pub(super) fn new_socket_id(&self) -> SocketId {
        let (high, low) = self.ids.new_id(self.clock.now()).as_u64_pair();
        SocketId::parse(format!("{high}.{low}")).expect("two numbers and a dot are a socket id")
    }
}
