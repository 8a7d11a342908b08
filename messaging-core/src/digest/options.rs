use std::time::Duration;

use crate::with::with;

/// How digests are sent; the defaults suit production. [`DigestPolicy`](crate::DigestPolicy) decides when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DigestOptions {
    /// How often to look for users with a digest due. Default: 10 s.
    pub every: Duration,
    /// How long a claimed user is leased to the worker; at least twice [`mail_timeout`](Self::mail_timeout). After a
    /// crash, an unfinished digest is repeated once the lease has expired. Default: 5 minutes.
    pub lease: Duration,
    /// How long the mailer may take for one e-mail. Default: 60 s.
    pub mail_timeout: Duration,
    /// How long one call to the store may take. Default: 10 s.
    pub call_timeout: Duration,
    /// How many users are claimed at once; at least 1. Default: 50.
    pub users: usize,
    /// How many of them are mailed at the same time; at least 1. Default: 4.
    pub concurrency: usize,
    /// How many conversations one step marks as mailed, so that none locks many rows for long; at least 1. Default:
    /// 200.
    pub chunk: usize,
    /// How long shutting down may wait for e-mails that have been begun. Default: 5 s.
    pub drain: Duration,
}

impl Default for DigestOptions {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(10),
            lease: Duration::from_mins(5),
            mail_timeout: Duration::from_mins(1),
            call_timeout: Duration::from_secs(10),
            users: 50,
            concurrency: 4,
            chunk: 200,
            drain: Duration::from_secs(5),
        }
    }
}

/// Options with which no digest would ever be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidDigestOptions {
    /// Every e-mail must end within its lease; with a shorter lease none, or hardly any, could be begun.
    #[error("the lease must be at least twice the time-out of an e-mail")]
    Lease,
    /// The named count must be at least 1.
    #[error("{0} must be at least 1")]
    None(&'static str),
}

impl DigestOptions {
    with! {
        with_every every: Duration,
        with_lease lease: Duration,
        with_mail_timeout mail_timeout: Duration,
        with_call_timeout call_timeout: Duration,
        with_users users: usize,
        with_concurrency concurrency: usize,
        with_chunk chunk: usize,
        with_drain drain: Duration,
    }

    pub(crate) fn check(&self) -> Result<(), InvalidDigestOptions> {
        if self.lease < 2 * self.mail_timeout || self.lease.is_zero() {
            return Err(InvalidDigestOptions::Lease);
        }
        for (is_none, name) in [
            (self.users == 0, "users"),
            (self.concurrency == 0, "concurrency"),
            (self.chunk == 0, "chunk"),
        ] {
            if is_none {
                return Err(InvalidDigestOptions::None(name));
            }
        }
        Ok(())
    }
}
