//! E-mail digests and push admission.

use async_trait::async_trait;
use messaging_core::{
    domain::{digest::Extent, side::Side, unmailed::Unmailed},
    id::UserId,
    store::{
        DigestAttempt, DigestClaim, DigestLease, DigestPostponement, DigestStore, DigestUser, Excerpt,
        PushMark, PushStore, StoreError,
    },
    time::Timestamp,
};
use sqlx::{Error, Row, SqliteConnection};

use super::{
    SqliteStore,
    digest_steps::{Finish, MarkMailed, Postpone, Record},
    error::failed,
    rows::{self, booking_column, conversation_columns, message_columns},
    writer::Step,
};
use crate::codes::{limit, number, side_code};

#[async_trait]
impl DigestStore for SqliteStore {
    /// Admits the workers of one store at a time, as
    /// [`claim_lanes`](messaging_core::store::OutboxStore::claim_lanes) does.
    async fn claim_digests(&self, claim: &DigestClaim) -> Result<Vec<DigestUser>, StoreError> {
        self.0.workers.admit(DigestClaim::DOING)?;
        self.write(*claim).await
    }

    async fn list_unmailed(&self, users: &[UserId]) -> Result<Vec<Unmailed>, StoreError> {
        const DOING: &str = "listing unmailed messages";
        let mut snapshot = self.snapshot(DOING).await?;
        unmailed(&mut snapshot, users).await.map_err(failed(DOING))
    }

    async fn record_attempt(
        &self,
        lease: &DigestLease,
        attempt: &DigestAttempt,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(Record {
            lease: lease.clone(),
            attempt: attempt.clone(),
            now,
        })
        .await
    }

    async fn load_excerpts(&self, extents: &[Extent], messages: usize) -> Result<Vec<Excerpt>, StoreError> {
        const DOING: &str = "loading messages to mail";
        let mut snapshot = self.snapshot(DOING).await?;
        let loaded = excerpts(&mut snapshot, extents, messages).await;
        loaded.map_err(failed(DOING))
    }

    async fn mark_mailed(
        &self,
        user_id: &UserId,
        extents: &[Extent],
        again_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.write(MarkMailed {
            user_id: user_id.clone(),
            extents: extents.to_vec(),
            again_at,
        })
        .await
    }

    async fn complete_digest(
        &self,
        lease: &DigestLease,
        sent_at: Option<Timestamp>,
        remember: usize,
    ) -> Result<bool, StoreError> {
        self.write(Finish {
            lease: lease.clone(),
            sent_at,
            remember,
        })
        .await
    }

    async fn postpone_digests(&self, postponements: &[DigestPostponement]) -> Result<(), StoreError> {
        self.write(Postpone(postponements.to_vec())).await
    }
}

#[async_trait]
impl PushStore for SqliteStore {
    async fn admit_push(&self, push: &PushMark) -> Result<bool, StoreError> {
        self.write(*push).await
    }
}

/// A seq after which all messages lie that are neither read nor mailed. It is a close bound: after the last
/// message read, the side's positions grow no faster than seqs.
macro_rules! behind {
    ($side:literal) => {
        concat!(
            "COALESCE(c.",
            $side,
            "_read_seq, 0) + MAX(c.",
            $side,
            "_mailed - c.",
            $side,
            "_read, 0)"
        )
    };
}
macro_rules! unmailed_of {
    ($side:literal, $code:literal, $user:literal) => {
        concat!(
            "SELECT ",
            conversation_columns!(),
            ", ",
            $code,
            " AS side, (SELECT m.created_at FROM message m WHERE m.conversation_id = c.id
                AND m.seq > ",
            behind!($side),
            " AND m.to_sides & ",
            $code,
            " AND m.",
            $side,
            "_position > MAX(c.",
            $side,
            "_read, c.",
            $side,
            "_mailed) ORDER BY m.seq LIMIT 1) AS oldest FROM conversation c WHERE c.",
            $user,
            " = ?1 AND c.",
            $side,
            "_received > c.",
            $side,
            "_read AND c.",
            $side,
            "_received > c.",
            $side,
            "_mailed"
        )
    };
}
pub(super) const UNMAILED: [&str; 2] = [
    unmailed_of!("client", "1", "client_id"),
    unmailed_of!("agent", "2", "agent_user_id"),
];

async fn unmailed(connection: &mut SqliteConnection, users: &[UserId]) -> Result<Vec<Unmailed>, Error> {
    let mut all = Vec::new();
    for user_id in users {
        for (sql, side) in UNMAILED.into_iter().zip(Side::ALL) {
            let rows = sqlx::query(sql)
                .bind(user_id.as_str())
                .fetch_all(&mut *connection);
            for row in rows.await? {
                all.push(Unmailed::new(
                    rows::conversation(&row)?,
                    side,
                    rows::time(&row, "oldest")?,
                ));
            }
        }
    }
    all.sort_by_cached_key(|one| (one.user().clone(), one.oldest, one.conversation.id, one.side));
    Ok(all)
}

/// A message to notify a side of, up to the position `?2`: neither read nor mailed, and permitted by
/// `policy::may_notify`. The host's own messages always are; a person's unless the side blocks, the
/// conversation is closed, or the sender, and with it the text, was erased.
macro_rules! notifiable {
    ($side:literal, $code:literal) => {
        concat!(
            "message m ON m.conversation_id = c.id AND m.seq > ",
            behind!($side),
            " AND m.to_sides & ",
            $code,
            " AND m.",
            $side,
            "_position > MAX(c.",
            $side,
            "_read, c.",
            $side,
            "_mailed) AND m.",
            $side,
            "_position <= ?2 AND (m.from_side = 0 OR NOT c.blocked_by & ",
            $code,
            " AND NOT c.closed AND m.body <> '')"
        )
    };
}
macro_rules! excerpt_of {
    ($side:literal, $code:literal) => {
        concat!(
            "SELECT ",
            conversation_columns!(),
            ", ",
            booking_column!(),
            ", ",
            message_columns!(),
            " FROM conversation c LEFT JOIN ",
            notifiable!($side, $code),
            " WHERE c.id = ?1 ORDER BY m.seq LIMIT ?3"
        )
    };
}
macro_rules! count_notifiable {
    ($side:literal, $code:literal) => {
        concat!(
            "SELECT count(*) FROM (SELECT m.seq FROM conversation c JOIN ",
            notifiable!($side, $code),
            " WHERE c.id = ?1 LIMIT ?3)"
        )
    };
}

pub(super) const EXCERPT: [&str; 2] = [excerpt_of!("client", "1"), excerpt_of!("agent", "2")];
pub(super) const COUNT_NOTIFIABLE: [&str; 2] =
    [count_notifiable!("client", "1"), count_notifiable!("agent", "2")];

async fn excerpts(
    connection: &mut SqliteConnection,
    extents: &[Extent],
    messages: usize,
) -> Result<Vec<Excerpt>, Error> {
    let mut excerpts = Vec::new();
    for extent in extents {
        let side = usize::from(extent.side == Side::Agent);
        let rows = sqlx::query(EXCERPT[side])
            .bind(extent.conversation_id.as_uuid())
            .bind(number(extent.up_to))
            .bind(limit(messages))
            .fetch_all(&mut *connection)
            .await?;
        let Some(first) = rows.first() else { continue };
        let has_messages = first.try_get::<Option<i64>, _>("seq")?.is_some();
        let shown = if has_messages { rows.as_slice() } else { &[] };
        let notifiable = sqlx::query_scalar(COUNT_NOTIFIABLE[side])
            .bind(extent.conversation_id.as_uuid())
            .bind(number(extent.up_to))
            .bind(number(Excerpt::MAX_COUNT))
            .fetch_one(&mut *connection)
            .await?;
        excerpts.push(
            Excerpt::new(*extent, rows::conversation(first)?)
                .with_booking_id(rows::booking_id(first)?)
                .with_messages(notifiable)
                .with_first(shown.iter().map(rows::message).collect::<Result<_, _>>()?),
        );
    }
    Ok(excerpts)
}

pub(super) const ADMIT_PUSH: &str =
    "INSERT INTO pushed (conversation_id, side, seq, at) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (conversation_id, side) DO UPDATE SET seq = excluded.seq, at = excluded.at
    WHERE pushed.seq < excluded.seq AND pushed.at <= ?5";

impl Step for PushMark {
    type Answer = bool;
    const DOING: &'static str = "admitting a push";

    async fn execute(self, tx: &mut SqliteConnection) -> Result<bool, Error> {
        let admitted = sqlx::query(ADMIT_PUSH)
            .bind(self.conversation_id.as_uuid())
            .bind(side_code(self.side))
            .bind(number(self.seq))
            .bind(self.now.as_millis())
            .bind(self.not_since.as_millis())
            .execute(tx)
            .await?;
        Ok(admitted.rows_affected() > 0)
    }
}
