//! A small world to play in: values for steps, a file for each test, and a picture of all that a store holds.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use messaging_core::{
    domain::{
        body::Body,
        conversation::{Change, NewMessage, PreparedOpen},
        message::{IdempotencyKey, Origin},
        page::{ListScope, PageSize},
        side::{Recipients, Side},
    },
    id::{AgentId, AuditId, BookingId, ConversationId, MessageId, UserId, WorkerId},
    store::{
        Append, Appended, AuditRecord, AuditStore, AuditedAction, Backlog, ChangeState, Claim,
        ConversationStore, DeadLetter, Direction, HistoryPage, HistoryScan, Lane, ListPage, ListScan,
        ListStart, LoadedEntry, MarkRead, OutboxStore, Publisher, Stored,
    },
    time::Timestamp,
};
use messaging_sqlx::{SqliteOptions, SqliteStore};
use sqlx::{ConnectOptions, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;
use uuid::Uuid;

/// A directory of a test's own, with a database in it or not yet.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.0.path().join("messaging.db")
    }

    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// The file that SQLite keeps beside the database under its name and an ending.
    pub(crate) fn beside(&self, ending: &str) -> PathBuf {
        self.0.path().join(format!("messaging.db{ending}"))
    }

    /// Every file with its bytes.
    pub(crate) fn contents(&self) -> Vec<(String, Vec<u8>)> {
        let read = |name: String| {
            let bytes = std::fs::read(self.0.path().join(&name)).unwrap();
            (name, bytes)
        };
        self.files().into_iter().map(read).collect()
    }

    pub(crate) async fn open(&self) -> SqliteStore {
        SqliteStore::open_migrated(self.path(), &SqliteOptions::default())
            .await
            .unwrap()
    }

    pub(crate) async fn open_with(&self, options: &SqliteOptions) -> SqliteStore {
        SqliteStore::open_migrated(self.path(), options).await.unwrap()
    }

    /// A connection of somebody else's.
    pub(crate) async fn connect(&self) -> SqliteConnection {
        connect(&self.path()).await
    }
}

pub(crate) async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).foreign_keys(false);
    options.create_if_missing(true).connect().await.unwrap()
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(1_767_225_600_000) + Duration::from_secs(seconds)
}

pub(crate) fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

pub(crate) fn conversation(n: u128) -> ConversationId {
    ConversationId::new(Uuid::from_u128(n))
}

pub(crate) fn message(n: u128) -> MessageId {
    MessageId::new(Uuid::from_u128(n))
}

pub(crate) fn worker(n: u128) -> WorkerId {
    WorkerId::new(Uuid::from_u128(n))
}

/// Conversation `n`, between client `n` and the one agent.
pub(crate) fn plan(n: u128) -> PreparedOpen {
    PreparedOpen {
        id: conversation(n),
        client_id: user(&format!("client-{n}")),
        agent_id: AgentId::parse("agency").unwrap(),
        agent_user_id: user("agent"),
        booking_id: Some(BookingId::parse(format!("booking-{n}")).unwrap()),
        now: at(0),
    }
}

/// Message `id` of conversation `n`, by its client, under a key of its own.
pub(crate) fn append(n: u128, id: u128) -> Append {
    let origin = Origin::User {
        side: Side::Client,
        user_id: user(&format!("client-{n}")),
    };
    Append {
        conversation_id: conversation(n),
        access_version: 0,
        message: NewMessage {
            id: message(id),
            origin,
            body: Body::parse("Is the hut open in May? 🏔").unwrap(),
            key: Some(IdempotencyKey::parse(id.to_string()).unwrap()),
            now: at(1),
            digest_at: None,
        },
        publisher: Publisher::Anyone,
    }
}

pub(crate) fn stored(appended: Appended) -> Stored {
    match appended {
        Appended::Stored(stored) => stored,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn mark_read(n: u128, up_to: u128) -> MarkRead {
    MarkRead {
        conversation_id: conversation(n),
        access_version: 0,
        side: Side::Agent,
        up_to: message(up_to),
        now: at(2),
        publisher: Publisher::Anyone,
    }
}

/// Opens two conversations, and does something of everything in them.
pub(crate) async fn play(store: &SqliteStore) {
    store.open(&plan(1), Publisher::Anyone).await.unwrap();
    store.open(&plan(2), Publisher::Anyone).await.unwrap();
    for id in 10..15 {
        stored(store.append(&append(1, id)).await.unwrap());
    }
    let mut news = append(2, 20);
    news.message.origin = Origin::System { to: Recipients::Both };
    stored(store.append(&news).await.unwrap());
    store.mark_read(&mark_read(1, 12)).await.unwrap();
    let block = ChangeState {
        conversation_id: conversation(2),
        access_version: 0,
        change: Change::Block(Side::Agent),
        now: at(3),
        publisher: Publisher::Anyone,
    };
    store.change_state(&block).await.unwrap();
    let record = AuditRecord {
        id: AuditId::new(Uuid::from_u128(30)),
        at: at(4),
        actor_id: user("admin"),
        action: AuditedAction::ReadHistory,
        conversation_id: Some(conversation(1)),
    };
    store.record_access(&record).await.unwrap();

    let lanes = store
        .claim_lanes(&Claim::new(worker(1), at(5), at(15), 1))
        .await
        .unwrap();
    let entry = &store.load_entries(&lanes, 1).await.unwrap()[0].entry;
    let refusal = store
        .dead_letter(worker(1), &lanes[0], entry, "too large", at(6))
        .await;
    refusal.unwrap();
}

/// All that a store holds, as it shows.
#[derive(Debug, PartialEq)]
pub(crate) struct Picture {
    list: ListPage,
    histories: Vec<Option<HistoryPage>>,
    bookings: Vec<Vec<BookingId>>,
    unread: Vec<u64>,
    accesses: Vec<AuditRecord>,
    dead_letters: Vec<DeadLetter>,
    backlog: Backlog,
    entries: Vec<LoadedEntry>,
}

impl Picture {
    pub(crate) async fn of(store: &SqliteStore) -> Self {
        let limit = PageSize::new(100).unwrap();
        let scan = |n| HistoryScan {
            conversation_id: conversation(n),
            direction: Direction::Newest,
            limit,
        };
        let lane = |n| Lane {
            conversation_id: conversation(n),
            head: 1,
            lease_until: at(0),
            tries: 0,
            refusals: 0,
        };
        let agent = ListScope::Agent {
            agent_id: AgentId::parse("agency").unwrap(),
            user_id: user("agent"),
        };
        let list = ListScan {
            scope: agent.clone(),
            start: ListStart::Newest,
            limit,
        };
        Self {
            list: store.list_conversations(&list).await.unwrap(),
            histories: vec![
                store.list_messages(&scan(1)).await.unwrap(),
                store.list_messages(&scan(2)).await.unwrap(),
            ],
            bookings: vec![
                store.list_bookings(conversation(1)).await.unwrap(),
                store.list_bookings(conversation(2)).await.unwrap(),
            ],
            unread: vec![
                store.count_unread(&agent).await.unwrap(),
                store
                    .count_unread(&ListScope::Client(user("client-2")))
                    .await
                    .unwrap(),
            ],
            accesses: store.list_accesses(None, 100).await.unwrap(),
            dead_letters: store.list_dead_letters(None, 100).await.unwrap(),
            backlog: store.backlog().await.unwrap(),
            entries: store.load_entries(&[lane(1), lane(2)], 100).await.unwrap(),
        }
    }
}
