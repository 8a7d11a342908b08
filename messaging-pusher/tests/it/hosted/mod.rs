//! `PusherRealtime` over real sockets, with a server with configurable replies.

mod failures;
mod presence;
mod relay;
mod requests;
mod spelling;
mod tls;
mod webhooks;
