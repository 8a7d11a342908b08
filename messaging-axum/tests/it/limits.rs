use std::time::Duration;

use messaging_axum::HttpOptions;
use messaging_core::host::rate_limit::{Limited, ProcessLimiter, Quota, RateLimits};
use serde_json::json;

use crate::support::{TestApp, carl};

/// Limits every action to one in 2.5 seconds.
fn limited() -> TestApp {
    let quota = Quota::new(1, Duration::from_millis(2_500));
    let limits = Limited::ALL.into_iter();
    let limits = limits.fold(RateLimits::default(), |limits, what| limits.with(what, quota));
    TestApp::with(HttpOptions::default(), |parts| {
        parts.rate_limiter(ProcessLimiter::new(limits))
    })
}

#[tokio::test]
async fn a_rate_limited_request_has_retry_after_in_whole_seconds() {
    let app = limited();
    let id = app.open("alpine").await;
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
        let response = app.post(&carl(), path, body.clone()).await;
        assert_eq!(response.status, first, "{path}: {response:?}");
        let before = app.contents().await;
        let refused = app.post(&carl(), path, body.clone()).await;
        assert_eq!(refused.error(), (429, "rate_limited".to_owned()), "{path}");
        assert_eq!(refused.header("retry-after"), Some("3"), "{path}: rounded up");
        assert_eq!(app.contents().await, before, "{path}");
        app.clock.advance(Duration::from_secs(3));
        let admitted = app.post(&carl(), path, body).await;
        assert!(admitted.status < 300, "{path}: {admitted:?}");
        app.clock.advance(Duration::from_secs(3));
    }
}
