use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use lettre::transport::smtp::{client::AsyncSmtpConnection, commands::Rset};
use tokio::time::Instant;

use super::{Failure, answer::Stage, server::Server};

/// How many connections are kept.
const KEPT: usize = 8;

/// For how long a connection is kept without an e-mail.
const IDLE: Duration = Duration::from_secs(30);

/// How long a server may take to answer that a connection ends.
const GOODBYE: Duration = Duration::from_secs(1);

/// Connections that are kept for the next e-mail.
pub(super) struct Pool {
    server: Server,
    idle: Mutex<Idle>,
}

#[derive(Default)]
struct Idle {
    /// Since when nothing is sent on it; the newest last.
    connections: Vec<(Instant, AsyncSmtpConnection)>,
    /// Whether a task ends those that are idle for too long.
    is_watched: bool,
}

impl Pool {
    pub(super) fn new(server: Server) -> Self {
        let idle = Mutex::default();
        Self { server, idle }
    }

    /// A connection that works: one that was kept, or else a new one.
    pub(super) async fn take(&self, stage: &mut Stage) -> Result<AsyncSmtpConnection, Failure> {
        loop {
            let kept = self.idle().connections.pop();
            match kept {
                // The server may have ended it meanwhile, and an e-mail may have been begun on it and refused.
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

    /// Keeps a connection.
    pub(super) fn put(self: &Arc<Self>, connection: AsyncSmtpConnection) {
        let mut idle = self.idle();
        if idle.connections.len() >= KEPT {
            return;
        }
        idle.connections.push((now(), connection));
        if !std::mem::replace(&mut idle.is_watched, true) {
            tokio::spawn(watch(Arc::downgrade(self)));
        }
    }

    /// Takes out those that are idle for too long; `None` when none is left.
    fn expired(&self) -> Option<Vec<AsyncSmtpConnection>> {
        let (mut idle, now) = (self.idle(), now());
        if idle.connections.is_empty() {
            idle.is_watched = false;
            return None;
        }
        let fresh = idle
            .connections
            .partition_point(|(since, _)| *since + IDLE <= now);
        Some(
            idle.connections
                .drain(..fresh)
                .map(|(_, connection)| connection)
                .collect(),
        )
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends connections that are idle for too long, until there are none.
async fn watch(pool: Weak<Pool>) {
    loop {
        tokio::time::sleep(IDLE).await;
        let Some(expired) = pool.upgrade().and_then(|pool| pool.expired()) else {
            return;
        };
        for mut connection in expired {
            // A goodbye that a deaf server does not answer keeps no other connection.
            tokio::time::timeout(GOODBYE, connection.abort()).await.ok();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a connection is idle by tokio's time, as the pause between looks is"
)]
fn now() -> Instant {
    Instant::now()
}
