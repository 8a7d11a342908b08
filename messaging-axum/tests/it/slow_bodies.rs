//! Bodies that come slowly, in crumbs, not at all, or not as they were announced.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    http::{Request, header::CONTENT_TYPE},
};
use futures_util::{StreamExt, poll, stream};
use messaging_axum::HttpOptions;
use messaging_core::Actor;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use crate::support::{Answer, World, carl};

/// Every route that takes a body, with what it takes.
const PLACES: [(&str, &str); 7] = [
    ("/messages", "application/json"),
    ("/messages/conversations", "application/json"),
    ("/messages/read", "application/json"),
    ("/messages/typing", "application/json"),
    ("/pusher/auth", "application/x-www-form-urlencoded"),
    ("/pusher/user-auth", "application/x-www-form-urlencoded"),
    ("/pusher/webhooks", "application/json"),
];

/// The part of a body as a web server hands it over: a byte that holds on to the buffer it was received into.
struct Crumb {
    buffer: [u8; 8192],
    alive: Arc<AtomicUsize>,
}

impl Crumb {
    fn bytes(alive: &Arc<AtomicUsize>) -> Bytes {
        alive.fetch_add(1, Ordering::Relaxed);
        let crumb = Self {
            buffer: [b' '; 8192],
            alive: alive.clone(),
        };
        Bytes::from_owner(crumb).slice(..1)
    }
}

impl AsRef<[u8]> for Crumb {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for Crumb {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A body of which a byte comes every nine seconds, for as long as it is waited for.
fn dripping(alive: &Arc<AtomicUsize>) -> Body {
    let alive = alive.clone();
    Body::from_stream(stream::unfold(alive, async |alive| {
        sleep(Duration::from_secs(9)).await;
        Some((Ok::<_, Infallible>(Crumb::bytes(&alive)), alive))
    }))
}

fn post(path: &str, content_type: &str, actor: Option<Actor>, body: Body) -> Request<Body> {
    let request = Request::post(path).header(CONTENT_TYPE, content_type);
    let request = match actor {
        Some(actor) => request.extension(actor),
        None => request,
    };
    request.body(body).expect("a request")
}

#[tokio::test]
async fn no_part_of_a_body_is_kept_beside_the_whole() {
    let world = World::new();
    for (path, content_type) in PLACES {
        let (alive, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let crumbs = stream::iter(0..60_000).map({
            let (alive, most) = (alive.clone(), most.clone());
            move |_| {
                let crumb = Crumb::bytes(&alive);
                most.fetch_max(alive.load(Ordering::Relaxed), Ordering::Relaxed);
                Ok::<_, Infallible>(crumb)
            }
        });
        let request = post(path, content_type, Some(carl()), Body::from_stream(crumbs));
        let answer = world.request(request).await;
        assert!(matches!(answer.status, 400 | 401), "{path}: {answer:?}");
        assert!(most.load(Ordering::Relaxed) <= 2, "{path}: {most:?}");
        assert_eq!(alive.load(Ordering::Relaxed), 0, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_has_one_deadline_however_it_comes() {
    let world = World::with(
        HttpOptions::default().with_body_timeout(Duration::from_secs(20)),
        |parts| parts,
    );
    for (path, content_type) in PLACES {
        let alive = Arc::new(AtomicUsize::new(0));
        let request = post(path, content_type, Some(carl()), dripping(&alive));
        let answer = timeout(Duration::from_secs(21), world.request(request)).await;
        let answer = answer.expect("an answer at the deadline");
        assert_eq!(answer.refusal(), (408, "request_timeout".to_owned()), "{path}");
        assert_eq!(answer.header("connection"), Some("close"), "{path}");
        assert_eq!(alive.load(Ordering::Relaxed), 0, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn ten_seconds_are_the_default() {
    let world = World::new();
    let request = post(
        "/messages",
        "application/json",
        Some(carl()),
        dripping(&Arc::default()),
    );
    let mut asked = Box::pin(world.request(request));
    assert!(timeout(Duration::from_secs(9), &mut asked).await.is_err());
    let answer = timeout(Duration::from_secs(2), asked).await.expect("an answer");
    assert_eq!(answer.refusal(), (408, "request_timeout".to_owned()));
}

#[tokio::test]
async fn a_host_that_gives_up_a_request_gives_up_its_body() {
    let world = World::new();
    let held = Arc::new(());
    let never = {
        let held = held.clone();
        stream::pending::<Result<Bytes, Infallible>>().inspect(move |_| drop(held.clone()))
    };
    let request = post(
        "/messages",
        "application/json",
        Some(carl()),
        Body::from_stream(never),
    );
    let mut asked = Box::pin(world.app.clone().oneshot(request));
    assert!(poll!(&mut asked).is_pending());
    drop(asked);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test]
async fn no_body_is_waited_for_without_a_login() {
    let world = World::new();
    for (path, content_type) in PLACES {
        if path == "/pusher/webhooks" {
            continue;
        }
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let mut asked = Box::pin(world.request(post(path, content_type, None, never)));
        let answer = until_still(&mut asked).await;
        assert_eq!(answer.refusal(), (401, "unauthenticated".to_owned()), "{path}");
    }
}

/// What is answered without anything happening outside.
async fn until_still(asked: &mut (impl Future<Output = Answer> + Unpin)) -> Answer {
    for _ in 0..1000 {
        if let std::task::Poll::Ready(answer) = poll!(&mut *asked) {
            return answer;
        }
        tokio::task::yield_now().await;
    }
    panic!("it waits for the body");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_as_soon_as_it_is() {
    let world = World::with(HttpOptions::default().with_body_limit(10), |parts| parts);
    let endless = stream::iter(0..11)
        .map(|_| Ok::<_, Infallible>(Bytes::from_static(b" ")))
        .chain(stream::pending());
    let request = post(
        "/messages",
        "application/json",
        Some(carl()),
        Body::from_stream(endless),
    );
    let answer = until_still(&mut Box::pin(world.request(request))).await;
    assert_eq!(answer.refusal(), (413, "payload_too_large".to_owned()));
    assert_eq!(answer.header("connection"), Some("close"));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_refused() {
    let world = World::new();
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err("the client has gone")]);
    let request = post(
        "/messages",
        "application/json",
        Some(carl()),
        Body::from_stream(broken),
    );
    let answer = world.request(request).await;
    assert_eq!(answer.refusal(), (400, "validation_failed".to_owned()));
}

#[tokio::test]
async fn a_compressed_body_is_refused_as_such() {
    let world = World::new();
    for (path, content_type) in PLACES {
        for (encoding, is_refused) in [
            ("gzip", true),
            ("br, identity", true),
            ("Identity", false),
            ("", false),
        ] {
            let mut request = post(path, content_type, Some(carl()), Body::from("{}"));
            let encoding_header = encoding.parse().expect("a header");
            request.headers_mut().insert("content-encoding", encoding_header);
            let answer = world.request(request).await;
            let code = (answer.status == 415).then(|| answer.refusal().1);
            let expected = is_refused.then(|| "unsupported_media_type".to_owned());
            assert_eq!(code, expected, "{path} {encoding:?}");
        }
    }
}
