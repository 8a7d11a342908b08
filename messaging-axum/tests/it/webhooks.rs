use axum::{body::Body, http::Request};

use crate::support::{TestApp, TestResponse};

const PATH: &str = "/pusher/webhooks";

/// Posts a webhook, without a login, with this signature.
async fn post(app: &TestApp, signature: Option<&str>, body: &[u8]) -> TestResponse {
    let mut request = Request::post(PATH);
    if let Some(signature) = signature {
        request = request.header("x-pusher-signature", signature);
    }
    app.request(request.body(Body::from(body.to_vec())).expect("a request"))
        .await
}

#[tokio::test]
async fn a_webhook_needs_no_login_but_a_signature() {
    let app = TestApp::new();
    let response = post(&app, Some("right"), b"readable").await;
    assert_eq!(
        (response.status, response.text.as_str()),
        (200, r#"{"success":true,"data":{}}"#)
    );
    assert_eq!(app.transport.webhooks(), 1);
    for signature in [None, Some("wrong"), Some("")] {
        let response = post(&app, signature, b"readable").await;
        assert_eq!(response.error(), (401, "unauthenticated".to_owned()));
    }
    assert_eq!(app.transport.webhooks(), 1);
}

#[tokio::test]
async fn a_signed_but_unreadable_webhook_is_invalid() {
    let app = TestApp::new();
    for body in [&b""[..], b"other", b"\xff\xfe"] {
        let response = post(&app, Some("right"), body).await;
        assert_eq!(response.error(), (400, "validation_failed".to_owned()));
    }
    assert_eq!(app.transport.webhooks(), 0);
}

#[tokio::test]
async fn an_oversized_webhook_is_refused() {
    let app = TestApp::new();
    let response = post(&app, Some("right"), &vec![b'x'; 65 * 1024]).await;
    assert_eq!(response.error(), (413, "payload_too_large".to_owned()));
}
