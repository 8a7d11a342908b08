//! A minimal host: an application with its own users, agencies, bookings, login cookie and migrations in Postgres.
//! Lines marked `<-` add messaging to it.

use std::{collections::HashMap, env};

use axum::extract::{Json, Request, State};
use axum::{Router, http::StatusCode, http::header::COOKIE, middleware, response::Response, routing::post};
use messaging_axum::{Caller, ErrorResponse, HttpOptions, Server};
use messaging_core::{host::directory::*, *};
use messaging_pusher::{AppKey, AppSecret, Credentials, EmbeddedChannels, EmbeddedOptions};
use messaging_sqlx::PgStore;
use sqlx::{PgPool, query_as, query_scalar};

/// <- Any error of yours is a response: 500, or what one of messaging means.
type Result<T = StatusCode, E = ErrorResponse> = std::result::Result<T, E>;

#[derive(Clone)]
struct App {
    db: PgPool,
    store: PgStore,       // <-
    messaging: Messaging, // <-
}

struct Users(PgPool); // <- gives messaging access to your users, agents and bookings

#[async_trait::async_trait]
impl Directory for Users {
    async fn profiles(&self, query: &ProfileQuery) -> Result<Profiles, HostError> {
        let sql = "SELECT id, agency, name FROM users WHERE id = ANY($1) OR agency = ANY($2)";
        let users = query_as::<_, (String, Option<String>, String)>(sql).bind(query.user_ids()).bind(query.agent_ids());
        let mut found = Profiles::default();
        for (id, agency, name) in users.fetch_all(&self.0).await.map_err(HostError::temporary)? {
            if let Some(agency) = agency {
                found.add_agent(AgentId::parse(agency)?, AgentProfile::named(&name));
            }
            found.add_user(UserId::parse(id)?, UserProfile::named(name));
        }
        Ok(found)
    }

    async fn agent_user(&self, agent: &AgentId) -> Result<Option<UserId>, HostError> {
        let user = query_scalar::<_, String>("SELECT id FROM users WHERE agency = $1").bind(agent.as_str());
        let user = user.fetch_optional(&self.0).await.map_err(HostError::temporary)?;
        Ok(user.map(UserId::parse).transpose()?)
    }

    async fn booking_parties(&self, booking: &BookingId) -> Result<Option<BookingParties>, HostError> {
        let sql = "SELECT client, agency FROM bookings WHERE id = $1";
        let found = query_as::<_, (String, String)>(sql).bind(booking.as_str()).fetch_optional(&self.0).await;
        let parties = |(c, a)| Ok(BookingParties { client_id: UserId::parse(c)?, agent_id: AgentId::parse(a)? });
        found.map_err(HostError::temporary)?.map(parties).transpose()
    }

    async fn contacts(&self, users: &[UserId]) -> Result<HashMap<UserId, Contact>, HostError> {
        let ids: Vec<_> = users.iter().map(UserId::as_str).collect();
        let found = query_as::<_, (String, String)>("SELECT id, email FROM users WHERE id = ANY($1)").bind(ids);
        let found = found.fetch_all(&self.0).await.map_err(HostError::temporary)?.into_iter();
        found.map(|(id, email)| Ok((UserId::parse(id)?, Contact::at(email)))).collect()
    }
}

/// Your login with a session cookie. <- It inserts the caller as an `Actor`.
async fn authenticate(State(app): State<App>, mut request: Request, next: middleware::Next) -> Result<Response> {
    let cookies = request.headers().get(COOKIE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let session = cookies.split("; ").find_map(|it| it.strip_prefix("session=")).unwrap_or_default();
    let sql = "SELECT id, agency FROM users JOIN sessions ON user_id = id WHERE token = $1";
    let user = query_as::<_, (String, Option<String>)>(sql).bind(session).fetch_optional(&app.db).await?;
    if let Some((id, agency)) = user {
        let role = agency.map_or(Ok(Role::Client), |it| AgentId::parse(it).map(|agent_id| Role::Agent { agent_id }))?;
        request.extensions_mut().insert(Actor::new(UserId::parse(id)?, role));
    }
    Ok(next.run(request).await)
}

/// Your booking in your transaction. <- The conversation is opened in the same transaction. Without a caller: 401.
async fn book(State(app): State<App>, Caller(me): Caller, Json((agency, tour)): Json<(AgentId, String)>) -> Result {
    let mut tx = app.db.begin().await?;
    let sql = "INSERT INTO bookings (client, agency, tour) VALUES ($1, $2, $3) RETURNING id,
        (SELECT id FROM users u WHERE u.agency = $2)";
    let insert = query_as(sql).bind(me.user_id().as_str()).bind(agency.as_str()).bind(tour);
    let (booking, agent): (String, String) = insert.fetch_one(&mut *tx).await?;
    let (booking, agent) = (BookingId::parse(booking)?, UserId::parse(agent)?);
    let open = HostOpen::new(me.user_id(), &agency, &agent).with_booking(&booking);
    let opened = app.store.open_in_transaction(&mut tx, &app.messaging.operations().prepare_open(open)?).await?;
    tx.commit().await?;
    app.messaging.operations().wake();
    let (text, key) = (Body::parse("Booking confirmed")?, IdempotencyKey::parse(booking.as_str())?);
    app.messaging.operations().send_system_message(&SystemMessage::new(opened.id, text, key)).await?;
    Ok(StatusCode::CREATED)
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let db = PgPool::connect(&env::var("DATABASE_URL")?).await?;
    sqlx::migrate!().run(&db).await?; // your own tables, with your own ledger
    let store = PgStore::new(db.clone());
    store.migrate().await?; // <- a schema of its own, with its own
    let keys = Credentials { key: AppKey::parse("local")?, secret: AppSecret::parse(env::var("APP_SECRET")?)? };
    let hub = EmbeddedChannels::new(&keys, EmbeddedOptions::default());
    let (messaging, workers) = Messaging::builder(store.clone(), Users(db.clone())).transport(hub.clone()).build()?;
    let app = App { db, store: store.clone(), messaging };
    let routes = Router::new()
        .route("/bookings", post(book))
        .nest("/api", messaging_axum::routes(&app.messaging, HttpOptions::default()).all()) // <-
        .layer(middleware::from_fn_with_state(app.clone(), authenticate))
        .merge(hub.router()) // <-
        .with_state(app);
    let listener = tokio::net::TcpListener::bind(env::var("BIND")?).await?;
    Server::new(listener, routes)
        .workers(workers) // <-
        .on_stop(async move { hub.shutdown().await }) // <-
        .finally(async move { store.close().await }) // <-
        .run()
        .await?;
    Ok(())
}
