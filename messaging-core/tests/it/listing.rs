//! Lists, totals, profiles and presence.

use std::time::Duration;

use messaging_core::{
    Actor, ErrorKind, ListRequest, Role,
    clock::ManualClock,
    domain::page::{NumberedPage, PageSize},
    host::{HostError, directory::Profiles, presence::Presence},
    memory::MemoryStore,
};

use crate::support::*;

#[tokio::test]
async fn an_actor_s_total_is_the_sum_over_their_list() {
    let world = World::new();
    let with_alpine = world.open().await;
    let opened = world
        .messaging
        .open_conversation(&carl(), &open("baltic", None))
        .await
        .unwrap();
    let with_baltic = opened.conversation.summary.conversation.id;
    let bo = Actor::new(
        user("bo"),
        Role::Agent {
            agent_id: agent("baltic"),
        },
    );
    world.send(&ada(), with_alpine, "1").await;
    world.send(&bo, with_baltic, "2").await;
    world.send(&bo, with_baltic, "3").await;
    world.send(&carl(), with_alpine, "4").await;
    let admin_ada = Actor::new(user("ada"), Role::Admin);
    for (actor, expected) in [
        (carl(), 3),
        (ada(), 1),
        (bo, 0),
        (stranger(), 0),
        (root(), 0),
        (admin_ada, 1),
    ] {
        let request = ListRequest::newest();
        let listed = world
            .messaging
            .list_conversations(&actor, &request)
            .await
            .unwrap();
        let sum: u64 = listed
            .conversations
            .iter()
            .map(messaging_core::ConversationView::unread_count)
            .sum();
        assert_eq!(
            (sum, world.messaging.count_unread(&actor).await.unwrap()),
            (expected, expected),
            "{actor:?}"
        );
    }
}

#[tokio::test]
async fn a_page_asks_the_directory_once_for_everything_on_it() {
    let store = MemoryStore::new();
    let opener = World::on(store.clone(), ManualClock::new(), People, |builder| builder);
    for (agency, booking) in [("alpine", Some("b-carl")), ("baltic", Some("b-baltic"))] {
        opener
            .messaging
            .open_conversation(&carl(), &open(agency, booking))
            .await
            .unwrap();
    }
    let mut directory = MockDirectory::new();
    directory
        .expect_profiles()
        .times(1)
        .withf(|query| (query.users.len(), query.agents.len(), query.bookings.len()) == (1, 2, 2))
        .returning(|_| Ok(Profiles::default()));
    let world = World::on(store, ManualClock::new(), directory, |builder| builder);
    let request = ListRequest::newest();
    assert_eq!(
        world
            .messaging
            .list_conversations(&carl(), &request)
            .await
            .unwrap()
            .conversations
            .len(),
        2
    );
}

#[tokio::test]
async fn a_failing_or_hanging_directory_leaves_names_blank() {
    for hangs in [false, true] {
        let store = MemoryStore::new();
        let opener = World::on(store.clone(), ManualClock::new(), People, |builder| builder);
        let id = opener.open().await;
        let clock = ManualClock::new();
        let directory = Mute { hangs };
        let world = World::on(store, clock.clone(), directory, |builder| builder);
        let request = message(id, "hello", None);
        let carl = carl();
        let sending = world.messaging.send_message(&carl, &request);
        let advance = async {
            tokio::task::yield_now().await;
            clock.advance(Duration::from_secs(1));
        };
        let (sent, ()) = tokio::join!(sending, advance);
        assert_eq!(sent.unwrap().message.sender.name, "");
    }
}

struct Mute {
    hangs: bool,
}

#[async_trait::async_trait]
impl messaging_core::host::directory::Directory for Mute {
    async fn profiles(
        &self,
        _: &messaging_core::host::directory::ProfileQuery,
    ) -> Result<Profiles, HostError> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        Err(HostError::temporary("down"))
    }

    async fn agent_user(
        &self,
        _: &messaging_core::AgentId,
    ) -> Result<Option<messaging_core::UserId>, HostError> {
        Ok(None)
    }

    async fn booking_parties(
        &self,
        _: &messaging_core::BookingId,
    ) -> Result<Option<messaging_core::host::directory::BookingParties>, HostError> {
        Ok(None)
    }

    async fn contacts(
        &self,
        _: &[messaging_core::UserId],
    ) -> Result<
        std::collections::HashMap<messaging_core::UserId, messaging_core::host::directory::Contact>,
        HostError,
    > {
        Ok(std::collections::HashMap::new())
    }
}

#[tokio::test]
async fn a_numbered_page_counts_and_a_cursor_continues() {
    let world = World::new();
    for n in 0..5 {
        let client = Actor::new(user(&format!("client-{n}")), Role::Client);
        world
            .messaging
            .open_conversation(&client, &open("alpine", None))
            .await
            .unwrap();
        world.clock.advance(Duration::from_secs(1));
    }
    let limit = PageSize::new(2).unwrap();
    let clients = |list: &messaging_core::participant::ConversationList| -> Vec<String> {
        list.conversations
            .iter()
            .map(|view| view.summary.conversation.client_id.to_string())
            .collect()
    };
    let numbered = ListRequest::numbered(NumberedPage::new(3, limit).unwrap());
    let last = world
        .messaging
        .list_conversations(&ada(), &numbered)
        .await
        .unwrap();
    assert_eq!(
        (clients(&last), last.total, last.has_more),
        (vec!["client-0".to_owned()], Some(5), false)
    );

    let first = ListRequest::newest().with_limit(limit);
    let first = world.messaging.list_conversations(&ada(), &first).await.unwrap();
    let cursor = first.next_cursor.clone().unwrap();
    let next = ListRequest::after(cursor).with_limit(limit);
    let second = world.messaging.list_conversations(&ada(), &next).await.unwrap();
    assert_eq!(
        [clients(&first), clients(&second)].concat(),
        ["client-4", "client-3", "client-2", "client-1"]
    );
    assert_eq!(
        kind(world.messaging.list_conversations(&carl(), &next).await),
        ErrorKind::InvalidCursor
    );
}

#[tokio::test]
async fn presence_is_shown_if_known() {
    struct OnlyAda;
    #[async_trait::async_trait]
    impl Presence for OnlyAda {
        async fn online(
            &self,
            _: &[messaging_core::UserId],
        ) -> Result<std::collections::HashMap<messaging_core::UserId, bool>, HostError> {
            Ok([(user("ada"), true)].into())
        }
    }
    let world = World::with(|builder| builder.presence(OnlyAda));
    let id = world.open().await;
    let online = world
        .messaging
        .find_conversation(&carl(), id)
        .await
        .unwrap()
        .online;
    assert_eq!((online.client, online.agent), (None, Some(true)));
    // A blocked side does not see the other side's presence; the blocking side still does.
    world.messaging.block(&ada(), id).await.unwrap();
    let found = world.messaging.find_conversation(&carl(), id).await.unwrap();
    assert_eq!((found.online.client, found.online.agent), (None, None));
    let listed = world.messaging.list_online(&[found.view]).await;
    assert_eq!((listed[0].client, listed[0].agent), (None, None));
    world.messaging.unblock(&ada(), id).await.unwrap();
    world.messaging.block(&carl(), id).await.unwrap();
    let found = world.messaging.find_conversation(&carl(), id).await.unwrap();
    assert_eq!(found.online.agent, Some(true));
    let world = World::new();
    let id = world.open().await;
    let online = world
        .messaging
        .find_conversation(&carl(), id)
        .await
        .unwrap()
        .online;
    assert_eq!((online.client, online.agent), (None, None));
}

#[tokio::test]
async fn presence_of_a_page_is_one_lookup() {
    #[derive(Clone, Default)]
    struct Counting(std::sync::Arc<std::sync::Mutex<Vec<Vec<messaging_core::UserId>>>>);
    #[async_trait::async_trait]
    impl Presence for Counting {
        async fn online(
            &self,
            users: &[messaging_core::UserId],
        ) -> Result<std::collections::HashMap<messaging_core::UserId, bool>, HostError> {
            self.0.lock().unwrap().push(users.to_vec());
            Ok(users
                .iter()
                .map(|user| (user.clone(), user.as_str() == "ada"))
                .collect())
        }
    }
    let counting = Counting::default();
    let world = World::with(|builder| builder.presence(counting.clone()));
    world.open().await;
    world
        .messaging
        .open_conversation(&carl(), &open("baltic", None))
        .await
        .unwrap();
    let request = ListRequest::newest();
    let list = world
        .messaging
        .list_conversations(&carl(), &request)
        .await
        .unwrap();
    let online = world.messaging.list_online(&list.conversations).await;
    let of_agents: Vec<_> = list
        .conversations
        .iter()
        .zip(&online)
        .map(|(view, online)| {
            (
                view.summary.conversation.agent_id.as_str(),
                online.client,
                online.agent,
            )
        })
        .collect();
    let expected = [("baltic", None, Some(false)), ("alpine", None, Some(true))];
    assert_eq!(of_agents.len(), 2);
    assert!(
        expected.iter().all(|row| of_agents.contains(row)),
        "{of_agents:?}"
    );
    let asked = counting.0.lock().unwrap().clone();
    assert_eq!(
        asked,
        [vec![user("ada"), user("bo")]],
        "users do not query their own presence"
    );
    let list = world
        .messaging
        .list_conversations(&root(), &request)
        .await
        .unwrap();
    let online = world.messaging.list_online(&list.conversations).await;
    assert!(
        online
            .iter()
            .all(|online| online.client == Some(false) && online.agent.is_some())
    );
    assert_eq!(
        counting.0.lock().unwrap()[1],
        [user("ada"), user("bo"), user("carl")]
    );
}
