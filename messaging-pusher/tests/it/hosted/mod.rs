//! `PusherRealtime` over real sockets, with a server that does what it is told.

mod answers;
mod presence;
mod relay;
mod requests;
mod spelling;
mod tls;
mod webhooks;
