use messaging_core::{
    Actor, ConversationId, HistoryRequest, HostOpen, ListRequest, MessageId, OpenConversation, SendMessage,
    admin::ReportsRequest,
    domain::{
        page::{NumberedPage, PageSize},
        report::{Outcome, Remark, ReportStatus},
    },
    event::{ChannelName, SocketId, Typing},
    participant::{HistoryFrom, MarkOnRead, NewReport},
};
use messaging_test_postgres::Counts;
use messaging_testkit::make::{
    admin, agency_id, agent, agent_user_id, body, booking_id, client, client_id, key, limit,
};
use sqlx::{Connection as _, PgConnection};

use crate::statements::support::Host;

/// The cost of each use case.
type Costs = Vec<(&'static str, Counts)>;

/// Two users and their conversation.
struct Pair {
    client: Actor,
    agent: Actor,
    id: ConversationId,
}

/// Runs all use cases for the users with this number.
pub(crate) async fn all(host: &Host, n: u64) -> Costs {
    let mut costs = open(host, n).await;
    let pair = pair(host, n).await;
    costs.extend(send(host, &pair).await);
    costs.extend(read(host, &pair).await);
    costs.extend(list(host, &pair).await);
    costs.extend(report(host, &pair).await);
    costs.extend(change(host, &pair).await);
    costs.extend(oversee(host, &pair).await);
    costs.extend(publish(host, &pair).await);
    costs
}

/// Reads a conversation twice on a new connection.
pub(crate) async fn claim_on_a_new_connection(host: &Host) -> (Counts, Counts) {
    let Pair { client, id, .. } = pair(host, 1).await;
    // The first step of a store checks whether the database is migrated.
    host.messaging.count_unread(&client).await.unwrap();
    let look = async || host.messaging.find_conversation(&client, id).await;
    let (_, first) = host.count(look()).await;
    let (_, next) = host.count(look()).await;
    (first, next)
}

/// Opens the conversation of the pair with this number, in another process.
async fn pair(host: &Host, n: u64) -> Pair {
    let client = client(n);
    let agent_id = agency_id(n);
    let wish = OpenConversation::new(agent_id);
    let opened = host.other.open_conversation(&client, &wish).await.unwrap();
    Pair {
        client,
        agent: agent(n),
        id: opened.conversation.id(),
    }
}

/// A conversation, and a message in it.
pub(crate) async fn somebodys(host: &Host) -> (ConversationId, MessageId) {
    let Pair { client, id, .. } = pair(host, 1).await;
    let sent = host.other.send_message(&client, &message(id, "hello")).await;
    (id, sent.unwrap().message.id())
}

fn message(conversation_id: ConversationId, text: &str) -> SendMessage {
    SendMessage::new(conversation_id, body(text)).with_idempotency_key(key(text))
}

async fn open(host: &Host, n: u64) -> Costs {
    let client = client(n);
    let wish = OpenConversation::new(agency_id(n));
    let open = || host.count(host.messaging.open_conversation(&client, &wish));
    let (made, new) = open().await;
    let (found, there) = open().await;
    assert!(made.created && !found.created);

    // Another conversation of the client, with another agency.
    let (agency, user) = (agency_id(1_000 + n), agent_user_id(1_000 + n));
    let wish = HostOpen::new(&client_id(n), &agency, &user).with_booking(&booking_id(n, 1_000 + n));
    let plan = host.messaging.operations().prepare_open(wish).unwrap();
    let mut connection = PgConnection::connect(&host.url).await.unwrap();
    let mut within = Counts::default();
    // The first execution prepares the statement.
    for created in [true, false] {
        let mut tx = connection.begin().await.unwrap();
        let (opened, counts) = host.count(host.store.open_in_transaction(&mut tx, &plan)).await;
        tx.commit().await.unwrap();
        assert_eq!(opened.created, created);
        within = counts;
    }
    connection.close().await.unwrap();
    vec![
        ("open a conversation", new),
        ("open one that is there", there),
        ("open one within the host's transaction", within),
    ]
}

async fn send(host: &Host, Pair { client, id, .. }: &Pair) -> Costs {
    let (first, next) = (message(*id, "hello"), message(*id, "hello-again"));
    let (one, looked_up) = host.count(host.messaging.send_message(client, &first)).await;
    let (two, sent) = host.count(host.messaging.send_message(client, &next)).await;
    let (twice, again) = host.count(host.messaging.send_message(client, &next)).await;
    assert!(one.created && two.created && !twice.created);
    vec![
        ("send the first message of a while", looked_up),
        ("send a message", sent),
        ("send it again, with the same key", again),
    ]
}

async fn read(host: &Host, Pair { client, agent, id }: &Pair) -> Costs {
    let page = |from, mark| {
        let request = HistoryRequest::new(*id, from)
            .with_limit(limit(2))
            .with_mark(mark);
        async move { host.count(host.messaging.history(agent, &request)).await }
    };
    for text in ["one", "two", "three", "four"] {
        let message = message(*id, text);
        host.other.send_message(client, &message).await.unwrap();
    }
    let (_, unmarked) = page(HistoryFrom::Newest, MarkOnRead::No).await;
    let (_, marked) = page(HistoryFrom::Newest, MarkOnRead::NewestPage).await;
    let (newest, nothing_new) = page(HistoryFrom::Newest, MarkOnRead::NewestPage).await;
    let before = HistoryFrom::Before(newest.next_cursor.unwrap());
    let (older, older_page) = page(before, MarkOnRead::NewestPage).await;
    assert_eq!((newest.messages.len(), older.messages.len()), (2, 2));

    let last = message(*id, "last");
    let sent = host.other.send_message(client, &last).await.unwrap();
    let up_to = sent.message.id();
    let (read, mark) = host.count(host.messaging.mark_read(agent, *id, up_to)).await;
    assert_eq!(read.counter.unread(), 0);
    vec![
        ("newest page of a history, not marked as read", unmarked),
        ("newest page, marked as read", marked),
        ("newest page, with nothing new to mark", nothing_new),
        ("older page", older_page),
        ("mark as read", mark),
    ]
}

async fn list(host: &Host, Pair { client, id, .. }: &Pair) -> Costs {
    let newest = ListRequest::newest();
    let first = ListRequest::numbered(NumberedPage::new(1, PageSize::LIST).unwrap());
    let (_, page) = host
        .count(host.messaging.list_conversations(client, &newest))
        .await;
    let (_, numbered) = host
        .count(host.messaging.list_conversations(client, &first))
        .await;
    let (_, total) = host.count(host.messaging.count_unread(client)).await;
    let (_, one) = host.count(host.messaging.find_conversation(client, *id)).await;
    vec![
        ("page of a list of conversations", page),
        ("numbered page of one, with its total", numbered),
        ("unread total", total),
        ("one conversation, with its bookings", one),
    ]
}

async fn change(host: &Host, Pair { agent, id, .. }: &Pair) -> Costs {
    let messaging = &host.messaging;
    let ((), block) = host.count(messaging.block(agent, *id)).await;
    let ((), unblock) = host.count(messaging.unblock(agent, *id)).await;
    let ((), typing) = host
        .count(messaging.set_typing(agent, *id, Typing::Started, None))
        .await;
    let socket = SocketId::parse("1.1").unwrap();
    let channel = ChannelName::parse(format!("private-conversation-{id}")).unwrap();
    let (_, signed) = host.count(messaging.authorize(agent, &socket, &channel)).await;
    vec![
        ("block the other side", block),
        ("unblock it", unblock),
        ("show that someone types", typing),
        ("sign a subscription to a conversation", signed),
    ]
}

async fn report(host: &Host, Pair { client, id, .. }: &Pair) -> Costs {
    let (messaging, admin) = (&host.messaging, admin(1));
    let about = NewReport::new(Remark::parse("rude").unwrap());
    let (reported, report) = host.count(messaging.report(client, *id, &about)).await;
    let (_, again) = host.count(messaging.report(client, *id, &about)).await;
    let request = ReportsRequest::newest().with_status(ReportStatus::Open);
    let (_, list) = host
        .count(messaging.admin(&admin).unwrap().list_reports(&request))
        .await;
    let (_, one) = host
        .count(messaging.admin(&admin).unwrap().find_report(reported.id))
        .await;
    let resolve = messaging
        .admin(&admin)
        .unwrap()
        .resolve_report(reported.id, Outcome::Resolved, None);
    let (_, resolution) = host.count(resolve).await;
    vec![
        ("report a conversation", report),
        ("report it again", again),
        ("page of a list of reports, audited", list),
        ("one report, with its evidence, audited", one),
        ("resolve a report, audited", resolution),
    ]
}

async fn oversee(host: &Host, Pair { id, .. }: &Pair) -> Costs {
    let admin = admin(1);
    let request = HistoryRequest::newest(*id);
    let (_, history) = host.count(host.messaging.history(&admin, &request)).await;
    let ((), close) = host.count(host.messaging.admin(&admin).unwrap().close(*id)).await;
    let ((), reopen) = host
        .count(host.messaging.admin(&admin).unwrap().reopen(*id))
        .await;
    assert_eq!(close, reopen);
    let (_, health) = host.count(host.messaging.operations().health()).await;
    vec![
        ("page of a history, for an admin, audited", history),
        ("close or reopen a conversation, audited", close),
        ("how far publishing is behind", health),
    ]
}

async fn publish(host: &Host, Pair { client, id, .. }: &Pair) -> Costs {
    let relay = host.workers.relay();
    let send = async |messaging: &messaging_core::Messaging, text| {
        messaging.send_message(client, &message(*id, text)).await.unwrap();
    };
    // Publishes all earlier events.
    relay.step().await.unwrap();
    let (lanes, idle) = host.count(relay.step()).await;
    assert_eq!(lanes, 0);

    send(&host.other, "another-process").await;
    let (lanes, claimed) = host.count(relay.step()).await;
    assert_eq!(lanes, 1);

    let active = relay.activate_worker();
    send(&host.messaging, "this-process").await;
    drop(active);
    let (lanes, at_hand) = host.count(relay.step()).await;
    assert_eq!(lanes, 1);
    vec![
        ("relay: look for lanes, and find none", idle),
        ("relay: publish a lane that another process left", claimed),
        (
            "relay: publish what this process has just sent",
            at_hand.since(idle),
        ),
    ]
}
