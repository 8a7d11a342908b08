use std::{
    net::{Ipv4Addr, TcpListener},
    ops::Range,
};

use crate::fresh_name::random;

/// Below the ports of outgoing connections: one of those could be taken while a server is stopped, or connect
/// to itself.
const PORTS: Range<u16> = 15_000..32_000;

/// Returns a port of 127.0.0.1 on which no process listens at the moment.
pub fn free_port() -> u16 {
    loop {
        let offset = random() % u64::from(PORTS.end - PORTS.start);
        let port = PORTS.start + u16::try_from(offset).unwrap_or_default();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
}
