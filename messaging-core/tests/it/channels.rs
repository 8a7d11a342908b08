//! Typing events, and authorization of subscriptions.

use std::time::Duration;

use futures_util::FutureExt;
use messaging_core::{
    ErrorKind, Timestamp, UserId,
    event::{ChannelName, SocketId, Typing},
    host::{
        HostError,
        rate_limit::{Admission, Limited, ProcessLimiter, RateLimiter},
    },
    participant::Authorized,
    transport::realtime::RevokeScope,
};

use crate::support::*;

#[tokio::test]
async fn typing_names_the_actor_and_needs_access() {
    let world = World::new();
    let id = world.open().await;
    let socket = SocketId::parse("1.2").unwrap();
    world
        .messaging
        .set_typing(&carl(), id, Typing::Started, Some(socket.clone()))
        .await
        .unwrap();
    world
        .messaging
        .set_typing(&ada(), id, Typing::Stopped, None)
        .await
        .unwrap();
    let events = world.realtime.take();
    assert_eq!(events[0].except, Some(socket));
    insta::assert_snapshot!(event_lines(&events));
    assert_eq!(
        kind(
            world
                .messaging
                .set_typing(&stranger(), id, Typing::Started, None)
                .await
        ),
        ErrorKind::NotFound
    );
    assert_eq!(
        kind(
            world
                .messaging
                .set_typing(&root(), id, Typing::Started, None)
                .await
        ),
        FORBIDDEN
    );
    world
        .realtime
        .fail(|_| Some(messaging_core::transport::TransportErrorKind::Unavailable));
    world
        .messaging
        .set_typing(&carl(), id, Typing::Started, None)
        .await
        .unwrap();
}

#[tokio::test]
async fn typing_is_rate_limited_before_any_lookup() {
    let world = World::with(|builder| builder.rate_limiter(ProcessLimiter::default()));
    let (id, clock) = (world.open().await, world.clock.clone());
    let typing = |actor, id| {
        let messaging = world.messaging.clone();
        async move { messaging.set_typing(&actor, id, Typing::Started, None).await }
    };
    for _ in 0..10 {
        typing(carl(), id).await.unwrap();
    }
    let refused = ErrorKind::RateLimited {
        retry_after: Duration::from_secs(1),
    };
    assert_eq!(kind(typing(carl(), id).await), refused);
    assert_eq!(kind(typing(carl(), unknown_conversation()).await), refused);
    assert_eq!(world.realtime.take().len(), 10);
    typing(ada(), id).await.unwrap();
    clock.advance(Duration::from_secs(1));
    typing(carl(), id).await.unwrap();
    assert_eq!(kind(typing(carl(), id).await), refused);
}

#[tokio::test]
async fn a_limiter_without_an_answer_admits() {
    struct Broken;
    #[async_trait::async_trait]
    impl RateLimiter for Broken {
        async fn admit(&self, _: &UserId, _: Limited, _: Timestamp) -> Result<Admission, HostError> {
            Err(HostError::temporary("broken"))
        }
    }
    let world = World::with(|builder| builder.rate_limiter(Broken));
    let id = world.open().await;
    for _ in 0..100 {
        let carl = carl();
        let typing = world.messaging.set_typing(&carl, id, Typing::Started, None);
        typing.await.unwrap();
    }
    assert_eq!(world.realtime.take().len(), 100);
}

#[tokio::test]
async fn a_subscription_is_signed_only_for_users_with_access() {
    let world = World::new();
    let id = world.open().await;
    let socket = SocketId::parse("1.2").unwrap();
    let unknown = unknown_conversation();
    let channel = |name: &str| ChannelName::parse(name).unwrap();
    for (actor, name, expected) in [
        (carl(), format!("private-conversation-{id}"), "signed"),
        (ada(), format!("private-conversation-{id}"), "signed"),
        (ada(), format!("presence-conversation-{id}"), "signed"),
        (carl(), "private-user-carl".to_owned(), "signed"),
        (root(), "private-user-root".to_owned(), "signed"),
        (root(), format!("private-conversation-{id}"), "refused"),
        (root(), format!("presence-conversation-{id}"), "refused"),
        (stranger(), format!("private-conversation-{id}"), "refused"),
        (stranger(), format!("presence-conversation-{id}"), "refused"),
        (stranger(), format!("private-conversation-{unknown}"), "refused"),
        (carl(), "private-user-ada".to_owned(), "refused"),
        (carl(), "private-orders".to_owned(), "not ours"),
        (carl(), "presence-user-carl".to_owned(), "not ours"),
        (carl(), format!("private-encrypted-conversation-{id}"), "not ours"),
        (carl(), "public".to_owned(), "not ours"),
    ] {
        let answer = match world.messaging.authorize(&actor, &socket, &channel(&name)).await {
            Ok(Authorized::Signed(_)) => "signed",
            Ok(Authorized::NotOurs) => "not ours",
            Err(error) if *error.kind() == FORBIDDEN => "refused",
            Err(error) => panic!("{error}"),
        };
        assert_eq!(answer, expected, "{actor:?} {name}");
    }
    let signed = world.realtime.signed();
    let presence = signed.iter().find(|s| s.channel.is_presence()).unwrap();
    assert_eq!(
        (presence.member.user_id.as_str(), presence.member.name.as_str()),
        ("ada", "ADA")
    );
}

#[tokio::test]
async fn a_signature_is_withheld_if_access_ends_while_signing() {
    // A transport that only ends connections is not told of signatures that are withheld.
    for (scope, calls) in [(RevokeScope::Subscription, 1), (RevokeScope::User, 0)] {
        let world = World::new();
        world.realtime.set_revoke_scope(scope);
        let id = world.open().await;
        let messaging = world.messaging.clone();
        world.realtime.on_sign(move || {
            let (alpine, new) = (agent("alpine"), user("new"));
            messaging
                .operations()
                .reassign_agent(&alpine, &new)
                .now_or_never()
                .unwrap()
                .unwrap();
        });
        let channel = ChannelName::parse(format!("private-conversation-{id}")).unwrap();
        let answer = world
            .messaging
            .authorize(&ada(), &SocketId::parse("1.2").unwrap(), &channel)
            .await;
        assert_eq!(kind(answer), FORBIDDEN);
        assert_eq!(world.realtime.revoke_calls(), calls, "{scope:?}");
    }
}
