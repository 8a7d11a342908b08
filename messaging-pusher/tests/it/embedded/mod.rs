//! The embedded server over real sockets.

mod channels;
mod connecting;
mod fragments;
mod shutdown;
mod silence;
mod slowness;
