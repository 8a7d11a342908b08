use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use lettre::transport::smtp::{client::AsyncSmtpConnection, commands::Rset};
use tokio::time::Instant;

use super::{SendFailure, reply::Stage, server::Server};

/// Maximum number of idle connections.
const MAX_IDLE: usize = 8;

/// Time after which an idle connection is closed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// Time limit for closing a connection.
const QUIT_TIMEOUT: Duration = Duration::from_secs(1);

/// A pool of idle connections.
pub(super) struct Pool {
    server: Server,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// Connections with the time of their release, oldest first.
    connections: Vec<(Instant, AsyncSmtpConnection)>,
    /// Whether a task that closes idle connections is running.
    has_reaper: bool,
}

impl Pool {
    pub(super) fn new(server: Server) -> Self {
        let idle = Mutex::default();
        Self { server, idle }
    }

    /// Returns an idle connection that still works, or a new one.
    pub(super) async fn acquire(&self, stage: &mut Stage) -> Result<AsyncSmtpConnection, SendFailure> {
        loop {
            let pooled = self.idle().connections.pop();
            match pooled {
                // The server may have closed it meanwhile, and a refused e-mail may have left it mid-transaction.
                Some((_, mut connection)) => {
                    *stage = Stage::Connect;
                    if connection.command(Rset).await.is_ok() {
                        return Ok(connection);
                    }
                }
                None => return Ok(self.server.connect(stage).await?),
            }
        }
    }

    /// Returns a connection to the pool.
    pub(super) fn release(self: &Arc<Self>, connection: AsyncSmtpConnection) {
        let mut idle = self.idle();
        if idle.connections.len() >= MAX_IDLE {
            return;
        }
        idle.connections.push((now(), connection));
        if !std::mem::replace(&mut idle.has_reaper, true) {
            tokio::spawn(close_idle_connections(Arc::downgrade(self)));
        }
    }

    /// Removes the connections past the idle timeout; `None` if the pool was empty.
    fn expired(&self) -> Option<Vec<AsyncSmtpConnection>> {
        let (mut idle, now) = (self.idle(), now());
        if idle.connections.is_empty() {
            idle.has_reaper = false;
            return None;
        }
        let first_fresh = idle
            .connections
            .partition_point(|(since, _)| *since + IDLE_TIMEOUT <= now);
        Some(
            idle.connections
                .drain(..first_fresh)
                .map(|(_, connection)| connection)
                .collect(),
        )
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Closes connections past the idle timeout, until the pool is empty.
async fn close_idle_connections(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE_TIMEOUT).await;
        let Some(expired) = pool.upgrade().and_then(|pool| pool.expired()) else {
            return;
        };
        for mut connection in expired {
            // A server that does not answer must not delay the other connections.
            tokio::time::timeout(QUIT_TIMEOUT, connection.abort()).await.ok();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "idle time is measured with tokio's clock, like the sleep between checks"
)]
fn now() -> Instant {
    Instant::now()
}
