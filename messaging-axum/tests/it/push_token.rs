use messaging_axum::HttpOptions;

use crate::support::{Devices, World, carl, root};

fn world(options: HttpOptions) -> World {
    World::with(options, |builder| builder.push(Devices))
}

#[tokio::test]
async fn a_device_gets_the_token_of_its_user_in_the_form_that_its_library_expects() {
    let world = world(HttpOptions::default());
    let answer = world.get(&carl(), "/pusher/beams-auth?user_id=carl").await;
    assert_eq!(
        (answer.status, answer.text.as_str()),
        (200, r#"{"token":"token-of-carl"}"#)
    );
}

#[tokio::test]
async fn nobody_gets_the_token_of_somebody_else() {
    let world = world(HttpOptions::default());
    for (actor, user) in [(carl(), "ada"), (carl(), "nobody"), (root(), "carl")] {
        let answer = world
            .get(&actor, &format!("/pusher/beams-auth?user_id={user}"))
            .await;
        assert_eq!(answer.refusal(), (403, "forbidden".to_owned()));
    }
}

#[tokio::test]
async fn a_request_without_a_user_is_refused_for_that() {
    let world = world(HttpOptions::default());
    for path in [
        "/pusher/beams-auth",
        "/pusher/beams-auth?user_id=",
        "/pusher/beams-auth?user_id=a%20b",
    ] {
        assert_eq!(
            world.get(&carl(), path).await.refusal(),
            (400, "validation_failed".to_owned())
        );
    }
}

#[tokio::test]
async fn where_nobody_is_notified_there_is_no_token() {
    let without = World::new();
    let answer = without.get(&carl(), "/pusher/beams-auth?user_id=carl").await;
    assert_eq!(answer.refusal(), (404, "not_found".to_owned()));
    let off = world(HttpOptions::default().without_push());
    assert_eq!(
        off.get(&carl(), "/pusher/beams-auth?user_id=carl").await.status,
        404
    );
}
