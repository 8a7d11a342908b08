use messaging_axum::{HttpOptions, Route};

use crate::support::{Devices, TestApp, carl, root};

fn test_app(options: HttpOptions) -> TestApp {
    TestApp::with(options, |builder| builder.push(Devices))
}

#[tokio::test]
async fn a_token_has_the_form_that_the_client_library_expects() {
    let app = test_app(HttpOptions::default());
    let response = app.get(&carl(), "/pusher/beams-auth?user_id=carl").await;
    assert_eq!(
        (response.status, response.text.as_str()),
        (200, r#"{"token":"token-of-carl"}"#)
    );
}

#[tokio::test]
async fn a_token_of_another_user_is_refused() {
    let app = test_app(HttpOptions::default());
    for (actor, user) in [(carl(), "ada"), (carl(), "unknown"), (root(), "carl")] {
        let response = app
            .get(&actor, &format!("/pusher/beams-auth?user_id={user}"))
            .await;
        assert_eq!(response.error(), (403, "forbidden".to_owned()));
    }
}

#[tokio::test]
async fn a_request_without_a_valid_user_is_refused() {
    let app = test_app(HttpOptions::default());
    for path in [
        "/pusher/beams-auth",
        "/pusher/beams-auth?user_id=",
        "/pusher/beams-auth?user_id=a%20b",
    ] {
        assert_eq!(
            app.get(&carl(), path).await.error(),
            (400, "validation_failed".to_owned())
        );
    }
}

#[tokio::test]
async fn without_push_there_is_no_token() {
    let without = TestApp::new();
    assert!(!without.messaging.has_push());
    let response = without.get(&carl(), "/pusher/beams-auth?user_id=carl").await;
    assert_eq!((response.status, response.text.as_str()), (404, ""));
    let document = without.get(&carl(), "/messages/openapi.json").await.json();
    assert_eq!(document["paths"].get("/pusher/beams-auth"), None);
    let off = test_app(HttpOptions::default().without(Route::PushToken));
    assert_eq!(
        off.get(&carl(), "/pusher/beams-auth?user_id=carl").await.status,
        404
    );
}
