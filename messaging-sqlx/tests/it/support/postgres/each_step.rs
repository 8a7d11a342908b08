//! Every step of a store, one after the other.

use super::sending::send;
use messaging_core::{
    domain::{change::Change, conversation::Conversation, side::Side},
    id::AuditId,
    store::{
        AuditRecord, AuditStore as _, AuditedAction, ChangeState, Claim, ConversationStore as _,
        DeadLetterPosition, Direction, Entry, EntryKind, HistoryScan, Lane, LaneDeferral, LaneFailure,
        ListScan, ListStart, MarkRead, OutboxStore as _, Progress, Publisher, RecountScan, RecountStore as _,
        Requeue, StoreError,
    },
};
use messaging_sqlx::PgStore;
use messaging_testkit::make::{
    admin_id, admin_scope, agency_id, agent_scope, at, client_id, client_scope, conversation_id, key, limit,
    message_id, plan, uuid, worker_id,
};

const EVERYTHING: RecountScan = RecountScan::new(9);

/// Runs every step of the port on an empty schema, so that each has something to do. Returns their results.
pub(crate) async fn each_step(store: &PgStore) -> Vec<Result<(), StoreError>> {
    let mut done = Vec::new();
    for steps in [writes(store).await, reads(store).await, publishes(store).await] {
        done.extend(steps);
    }
    done
}

async fn writes(store: &PgStore) -> Vec<Result<(), StoreError>> {
    let (id, publisher) = (conversation_id(1_001), Publisher::Anyone);
    let read = MarkRead::new(id, 0, Side::Agent, message_id(1), at(2), publisher);
    let conversation = Conversation::new(&plan(1, 1));
    let close = ChangeState::new(&conversation, Change::Close, at(3), publisher);
    let record = AuditRecord::new(
        AuditId::new(uuid(9, 1)),
        at(4),
        admin_id(1),
        AuditedAction::ReadHistory,
    )
    .with_conversation_id(Some(id));
    vec![
        store.open(&plan(1, 1), publisher).await.map(drop),
        store.append(&send(1)).await.map(drop),
        store.append(&send(2)).await.map(drop),
        store.mark_read(&read).await.map(drop),
        store.change_state(&close).await.map(drop),
        store.record_access(&record).await,
    ]
}

async fn reads(store: &PgStore) -> Vec<Result<(), StoreError>> {
    let id = conversation_id(1_001);
    let place = DeadLetterPosition {
        at: at(0),
        conversation_id: id,
        number: 0,
    };
    let mut done = vec![
        store.find_conversation(id.into()).await.map(drop),
        store.find_summary(id).await.map(drop),
        store.list_bookings(id).await.map(drop),
        store
            .list_agent_conversations(&agency_id(1), None, 9)
            .await
            .map(drop),
        store
            .find_sent(id, Some(&client_id(1)), &key("1"))
            .await
            .map(drop),
        store.list_accesses(None, 9).await.map(drop),
        store.list_dead_letters(None, 9).await.map(drop),
        store.list_dead_letters(Some(&place), 9).await.map(drop),
        store.backlog().await.map(drop),
        store.recount_conversations(&EVERYTHING).await.map(drop),
    ];
    for scope in [client_scope(1), agent_scope(1), admin_scope(1)] {
        done.push(store.count_conversations(&scope, 9).await.map(drop));
        done.push(store.count_unread(&scope).await.map(drop));
        for start in [ListStart::Newest, ListStart::Skip(0)] {
            let scan = ListScan::new(scope.clone(), start, limit(9));
            done.push(store.list_conversations(&scan).await.map(drop));
        }
    }
    for direction in [Direction::Newest, Direction::Before(9), Direction::After(0)] {
        let scan = HistoryScan::new(id, direction, limit(9));
        done.push(store.list_messages(&scan).await.map(drop));
    }
    done
}

/// The worker's steps: the opening becomes a dead letter, and all later events but the last are published.
async fn publishes(store: &PgStore) -> Vec<Result<(), StoreError>> {
    let (worker, id) = (worker_id(1), conversation_id(1_001));
    let lane = Lane::new(id, 1, at(15));
    let opening = Entry::new(id, 1, EntryKind::Updated, at(0));
    let progress = Progress::new(id, at(15), 3);
    let delay = LaneDeferral::new(id, at(16), at(20)).with_failure(LaneFailure::Transport);
    let claim = Claim::new(worker, at(5), at(15), 9);
    let requeue = Requeue::new(id, 1, at(7), Publisher::Anyone);
    vec![
        store.claim_lanes(&claim).await.map(drop),
        store.load_entries(std::slice::from_ref(&lane), 9).await.map(drop),
        store
            .dead_letter(worker, &lane, &opening, "too large", at(6))
            .await,
        store.acknowledge(worker, at(16), &[progress]).await.map(drop),
        store.defer_lanes(worker, &[delay]).await,
        store.requeue(&requeue).await.map(drop),
    ]
}
