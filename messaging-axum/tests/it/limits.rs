use std::time::Duration;

use messaging_axum::HttpOptions;
use messaging_core::{ProcessLimiter, Quota, RateLimits, host::rate_limit::Limited};
use serde_json::json;

use crate::support::{World, carl};

/// One of everything, and one more after two and a half seconds.
fn limited() -> World {
    let quota = Quota::new(1, Duration::from_millis(2_500));
    let limits = Limited::ALL.into_iter();
    let limits = limits.fold(RateLimits::default(), |limits, what| limits.with(what, quota));
    World::with(HttpOptions::default(), |parts| {
        parts.rate_limiter(ProcessLimiter::new(limits))
    })
}

#[tokio::test]
async fn who_does_too_much_is_told_in_seconds_when_to_come_again() {
    let world = limited();
    let id = world.open("alpine").await;
    let send = json!({"conversationId": id, "content": "Hello"});
    for (path, body, first) in [
        ("/messages/conversations", json!({"agentId": "alpine"}), 429),
        ("/messages", send, 201),
        (
            &*format!("/messages/conversations/{id}/reports"),
            json!({"reason": "rude"}),
            201,
        ),
        (
            "/messages/typing",
            json!({"conversationId": id, "typing": true}),
            204,
        ),
    ] {
        let answer = world.post(&carl(), path, body.clone()).await;
        assert_eq!(answer.status, first, "{path}: {answer:?}");
        let before = world.contents().await;
        let refused = world.post(&carl(), path, body.clone()).await;
        assert_eq!(refused.refusal(), (429, "rate_limited".to_owned()), "{path}");
        assert_eq!(refused.header("retry-after"), Some("3"), "{path}: rounded up");
        assert_eq!(world.contents().await, before, "{path}");
        world.clock.advance(Duration::from_secs(3));
        let admitted = world.post(&carl(), path, body).await;
        assert!(admitted.status < 300, "{path}: {admitted:?}");
        world.clock.advance(Duration::from_secs(3));
    }
}
