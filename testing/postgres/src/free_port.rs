use std::{
    net::{Ipv4Addr, TcpListener},
    ops::Range,
};

use crate::fresh_name::random;

/// Below those that the system gives to outgoing connections. One of those could be taken while a server is
/// stopped, or even connect to itself: to the port that it was given.
const PORTS: Range<u16> = 15_000..32_000;

/// A port of 127.0.0.1 on which nobody listens, just now.
pub fn free_port() -> u16 {
    loop {
        let offset = random() % u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(offset).unwrap_or_default();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
