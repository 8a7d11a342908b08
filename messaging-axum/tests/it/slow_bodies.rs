//! Bodies that arrive slowly, in small parts, incompletely or not at all.

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

use crate::support::{TestApp, TestResponse, carl};

/// Every route with a body, and its content type.
const ROUTES: [(&str, &str); 7] = [
    ("/messages", "application/json"),
    ("/messages/conversations", "application/json"),
    ("/messages/read", "application/json"),
    ("/messages/typing", "application/json"),
    ("/pusher/auth", "application/x-www-form-urlencoded"),
    ("/pusher/user-auth", "application/x-www-form-urlencoded"),
    ("/pusher/webhooks", "application/json"),
];

/// A part of a body as a web server forwards it: one byte that keeps its receive buffer allocated.
struct BodyPart {
    buffer: [u8; 8192],
    alive: Arc<AtomicUsize>,
}

impl BodyPart {
    fn bytes(alive: &Arc<AtomicUsize>) -> Bytes {
        alive.fetch_add(1, Ordering::Relaxed);
        let part = Self {
            buffer: [b' '; 8192],
            alive: alive.clone(),
        };
        Bytes::from_owner(part).slice(..1)
    }
}

impl AsRef<[u8]> for BodyPart {
    fn as_ref(&self) -> &[u8] {
        &self.buffer
    }
}

impl Drop for BodyPart {
    fn drop(&mut self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An endless body with one byte every nine seconds.
fn slow_body(alive: &Arc<AtomicUsize>) -> Body {
    let alive = alive.clone();
    Body::from_stream(stream::unfold(alive, async |alive| {
        sleep(Duration::from_secs(9)).await;
        Some((Ok::<_, Infallible>(BodyPart::bytes(&alive)), alive))
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
async fn parts_of_a_body_are_not_kept() {
    let app = TestApp::new();
    for (path, content_type) in ROUTES {
        let (alive, max_alive) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let parts_stream = stream::iter(0..60_000).map({
            let (alive, max_alive) = (alive.clone(), max_alive.clone());
            move |_| {
                let part = BodyPart::bytes(&alive);
                max_alive.fetch_max(alive.load(Ordering::Relaxed), Ordering::Relaxed);
                Ok::<_, Infallible>(part)
            }
        });
        let request = post(path, content_type, Some(carl()), Body::from_stream(parts_stream));
        let response = app.request(request).await;
        assert!(matches!(response.status, 400 | 401), "{path}: {response:?}");
        assert!(max_alive.load(Ordering::Relaxed) <= 2, "{path}: {max_alive:?}");
        assert_eq!(alive.load(Ordering::Relaxed), 0, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_has_one_deadline_for_all_its_parts() {
    let app = TestApp::with(
        HttpOptions::default().with_body_timeout(Duration::from_secs(20)),
        |parts| parts,
    );
    for (path, content_type) in ROUTES {
        let alive = Arc::new(AtomicUsize::new(0));
        let request = post(path, content_type, Some(carl()), slow_body(&alive));
        let response = timeout(Duration::from_secs(21), app.request(request)).await;
        let response = response.expect("a response at the deadline");
        assert_eq!(response.error(), (408, "request_timeout".to_owned()), "{path}");
        assert_eq!(response.header("connection"), Some("close"), "{path}");
        assert_eq!(alive.load(Ordering::Relaxed), 0, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_default_deadline_is_ten_seconds() {
    let app = TestApp::new();
    let request = post(
        "/messages",
        "application/json",
        Some(carl()),
        slow_body(&Arc::default()),
    );
    let mut request_future = Box::pin(app.request(request));
    assert!(
        timeout(Duration::from_secs(9), &mut request_future)
            .await
            .is_err()
    );
    let response = timeout(Duration::from_secs(2), request_future)
        .await
        .expect("a response");
    assert_eq!(response.error(), (408, "request_timeout".to_owned()));
}

#[tokio::test]
async fn dropping_a_request_drops_its_body() {
    let app = TestApp::new();
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
    let mut request_future = Box::pin(app.router.clone().oneshot(request));
    assert!(poll!(&mut request_future).is_pending());
    drop(request_future);
    assert_eq!(Arc::strong_count(&held), 1);
}

#[tokio::test]
async fn the_body_of_an_unauthenticated_request_is_not_read() {
    let app = TestApp::new();
    for (path, content_type) in ROUTES {
        if path == "/pusher/webhooks" {
            continue;
        }
        let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
        let mut request_future = Box::pin(app.request(post(path, content_type, None, never)));
        let response = poll_until_ready(&mut request_future).await;
        assert_eq!(response.error(), (401, "unauthenticated".to_owned()), "{path}");
    }
}

/// The response, which must arrive without external events.
async fn poll_until_ready(request_future: &mut (impl Future<Output = TestResponse> + Unpin)) -> TestResponse {
    for _ in 0..1000 {
        if let std::task::Poll::Ready(response) = poll!(&mut *request_future) {
            return response;
        }
        tokio::task::yield_now().await;
    }
    panic!("the request waits for its body");
}

#[tokio::test]
async fn a_body_is_refused_as_soon_as_it_exceeds_the_limit() {
    let app = TestApp::with(HttpOptions::default().with_body_limit(10), |parts| parts);
    let endless = stream::iter(0..11)
        .map(|_| Ok::<_, Infallible>(Bytes::from_static(b" ")))
        .chain(stream::pending());
    let request = post(
        "/messages",
        "application/json",
        Some(carl()),
        Body::from_stream(endless),
    );
    let response = poll_until_ready(&mut Box::pin(app.request(request))).await;
    assert_eq!(response.error(), (413, "payload_too_large".to_owned()));
    assert_eq!(response.header("connection"), Some("close"));
}

#[tokio::test]
async fn an_incomplete_body_is_refused() {
    let app = TestApp::new();
    let broken = stream::iter([Ok(Bytes::from_static(b"{")), Err("the client has gone")]);
    let request = post(
        "/messages",
        "application/json",
        Some(carl()),
        Body::from_stream(broken),
    );
    let response = app.request(request).await;
    assert_eq!(response.error(), (400, "validation_failed".to_owned()));
}

#[tokio::test]
async fn a_compressed_body_is_refused() {
    let app = TestApp::new();
    for (path, content_type) in ROUTES {
        for (encoding, is_refused) in [
            ("gzip", true),
            ("br, identity", true),
            ("Identity", false),
            ("", false),
        ] {
            let mut request = post(path, content_type, Some(carl()), Body::from("{}"));
            let encoding_header = encoding.parse().expect("a header");
            request.headers_mut().insert("content-encoding", encoding_header);
            let response = app.request(request).await;
            let code = (response.status == 415).then(|| response.error().1);
            let expected = is_refused.then(|| "unsupported_media_type".to_owned());
            assert_eq!(code, expected, "{path} {encoding:?}");
        }
    }
}
