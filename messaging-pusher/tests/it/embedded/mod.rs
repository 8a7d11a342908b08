//! The embedded server over real sockets.

mod channels;
mod connecting;
mod fragments;
mod liveness;
mod shutdown;
mod slow_clients;
