//! The smallest host: a booking and its conversation in one transaction, beside the host's own tables.

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    process::{Child, Command, ExitStatus},
};

use messaging_test_postgres::{Database, PgServer};
use messaging_tests::{built, eventually};
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use ureq::{Agent, http::Response};

const CARLA: &str = "session-of-carla";
const ALBERT: &str = "session-of-albert";

/// The host in a separate process. It is killed when this is dropped.
struct Host {
    process: Child,
    url: String,
    agent: Agent,
}

impl Host {
    fn start(database: &Database) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let process = Command::new(built("messaging-embed"))
            .env("DATABASE_URL", database.url())
            .env("APP_SECRET", "of this test")
            .env("BIND", address.to_string())
            .spawn()
            .unwrap();
        let host = Self {
            process,
            url: format!("http://{address}"),
            agent: Agent::config_builder().http_status_as_error(false).build().into(),
        };
        eventually("the host listens", || host.agent.get(&host.url).call().ok());
        host
    }

    fn get(&self, session: &str, path: &str) -> (u16, Value) {
        let request = self.agent.get(format!("{}{path}", self.url));
        answer(request.header("cookie", cookie(session)).call().unwrap())
    }

    fn post(&self, session: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.agent.post(format!("{}{path}", self.url));
        answer(request.header("cookie", cookie(session)).send_json(body).unwrap())
    }

    fn book(&self, session: &str, tour: &str) -> u16 {
        self.post(session, "/bookings", &json!(["alpine", tour])).0
    }

    /// Without a body: a server that refuses does not wait for one, and may disconnect while it is sent.
    fn book_without_login(&self) -> u16 {
        let request = self.agent.post(format!("{}/bookings", self.url));
        request.send_empty().unwrap().status().as_u16()
    }

    fn conversations(&self, session: &str) -> Vec<Value> {
        let (status, mut body) = self.get(session, "/api/messages/conversations");
        assert_eq!(status, 200, "{body}");
        serde_json::from_value(body["data"].take()).unwrap()
    }

    fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    fn ended(mut self) -> ExitStatus {
        eventually("the host stops", || self.process.try_wait().unwrap())
    }

    /// Asks the host to stop, and waits until it has ended.
    fn stop(self, signal: &str) {
        self.signal(signal);
        let status = self.ended();
        assert!(status.success(), "{status}");
    }

    /// A client that has sent half of a request head.
    fn half_a_request(&self) -> TcpStream {
        let address = self.url.strip_prefix("http://").unwrap();
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(b"GET /api/messages HTTP/1.1\r\nHost: ").unwrap();
        client
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn cookie(session: &str) -> String {
    format!("theme=dark; session={session}")
}

fn answer(mut response: Response<ureq::Body>) -> (u16, Value) {
    let text = response.body_mut().read_to_string().unwrap();
    let body = serde_json::from_str(&text).unwrap_or(Value::Null);
    (response.status().as_u16(), body)
}

/// Returns a column of the host's own.
fn texts(database: &Database, sql: &'static str) -> Vec<String> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap()
    })
}

#[test]
fn a_booking_and_its_conversation_are_created_together_or_not_at_all() {
    let database = Database::create_blocking(PgServer::shared());
    let host = Host::start(&database);
    assert_eq!(host.get("nobody", "/api/messages/unread").0, 401);
    assert_eq!(host.book_without_login(), 401);
    assert_eq!(
        host.book(CARLA, ""),
        500,
        "the host refuses a tour without a name"
    );
    assert_eq!(host.conversations(ALBERT), [] as [Value; 0]);

    assert_eq!(host.book(CARLA, "Over the pass"), 201);
    let [conversation] = &host.conversations(ALBERT)[..] else {
        panic!("expected one conversation");
    };
    let bookings = texts(&database, "SELECT id FROM bookings");
    assert_eq!(bookings, [conversation["booking"]["id"].as_str().unwrap()]);
    assert_eq!(conversation["client"]["name"], "Carla Client");
    assert_eq!(conversation["agent"]["businessName"], "Alpine Trails");
    assert_eq!(conversation["lastMessage"]["content"], "Booking confirmed");
    assert_eq!(conversation["unreadCount"], 1);

    assert_eq!(host.book(CARLA, "Down the valley"), 201);
    assert_eq!(host.conversations(ALBERT).len(), 1, "one conversation per pair");
    assert_eq!(host.conversations(CARLA)[0]["unreadCount"], 2);
    host.stop("INT");
}

#[test]
fn the_embedding_host_continues_after_a_restart() {
    let database = Database::create_blocking(PgServer::shared());
    let host = Host::start(&database);
    let wish = json!({ "agentId": "alpine" });
    let (status, opened) = host.post(CARLA, "/api/messages/conversations", &wish);
    assert_eq!(status, 201, "{opened}");
    let others = json!({ "agentId": "alpine", "bookingId": "somebody-elses" });
    assert_eq!(host.post(CARLA, "/api/messages/conversations", &others).0, 400);
    let text = json!({ "conversationId": opened["data"]["id"], "content": "Is the hut open in May?" });
    assert_eq!(host.post(CARLA, "/api/messages", &text).0, 201);
    host.stop("TERM");

    let host = Host::start(&database);
    assert_eq!(
        host.get(ALBERT, "/api/messages/unread").1["data"]["unreadCount"],
        1
    );
    assert_eq!(
        host.conversations(ALBERT)[0]["lastMessage"]["content"],
        "Is the hut open in May?"
    );
    let own = texts(
        &database,
        "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename",
    );
    assert_eq!(own, ["_sqlx_migrations", "bookings", "sessions", "users"]);
}

#[test]
fn clients_that_stay_connected_do_not_delay_shutdown() {
    let database = Database::create_blocking(PgServer::shared());
    let host = Host::start(&database);
    // The agent keeps this connection as well.
    assert_eq!(host.book(CARLA, "Over the pass"), 201);
    let half = host.half_a_request();
    host.stop("TERM");
    drop(half);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let database = Database::create_blocking(PgServer::shared());
    let host = Host::start(&database);
    let half = host.half_a_request();
    host.signal("TERM");
    host.signal("INT");
    let status = host.ended();
    assert_eq!(
        status.code(),
        Some(1),
        "the host did not wait for the client: {status}"
    );
    drop(half);
}
