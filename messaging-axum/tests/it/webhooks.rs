use axum::{body::Body, http::Request};

use crate::support::{Answer, World};

const PATH: &str = "/pusher/webhooks";

/// Posts a webhook, as nobody, with this signature.
async fn post(world: &World, signature: Option<&str>, body: &[u8]) -> Answer {
    let mut request = Request::post(PATH);
    if let Some(signature) = signature {
        request = request.header("x-pusher-signature", signature);
    }
    world
        .request(request.body(Body::from(body.to_vec())).expect("a request"))
        .await
}

#[tokio::test]
async fn a_webhook_needs_no_login_but_a_signature() {
    let world = World::new();
    let answer = post(&world, Some("right"), b"readable").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (200, r#"{"success":true,"data":{}}"#)
    );
    assert_eq!(world.transport.webhooks(), 1);
    for signature in [None, Some("wrong"), Some("")] {
        let answer = post(&world, signature, b"readable").await;
        assert_eq!(answer.refusal(), (401, "unauthenticated".to_owned()));
    }
    assert_eq!(world.transport.webhooks(), 1);
}

#[tokio::test]
async fn one_that_is_signed_but_cannot_be_read_is_said_to_be_invalid() {
    let world = World::new();
    for body in [&b""[..], b"other", b"\xff\xfe"] {
        let answer = post(&world, Some("right"), body).await;
        assert_eq!(answer.refusal(), (400, "validation_failed".to_owned()));
    }
    assert_eq!(world.transport.webhooks(), 0);
}

#[tokio::test]
async fn a_body_without_end_is_not_read() {
    let world = World::new();
    let answer = post(&world, Some("right"), &vec![b'x'; 65 * 1024]).await;
    assert_eq!(answer.refusal(), (413, "payload_too_large".to_owned()));
}
