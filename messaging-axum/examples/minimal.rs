//! The routes below `/api`, on a store in memory, for clients that a header names. Runs until SIGTERM or ctrl-c.
//!
//! ```sh
//! cargo run -p messaging-axum --example minimal    # or with BIND=127.0.0.1:8080
//! curl -H 'x-user: client-1' 127.0.0.1:3000/api/messages/conversations --json '{"agentId": "agency-1"}'
//! curl -H 'x-user: client-1' 127.0.0.1:3000/api/messages/conversations
//! ```

#![expect(clippy::print_stdout, reason = "a program that says where it listens")]
#![expect(clippy::disallowed_methods, reason = "a program reads its own environment")]

use std::{env, error::Error};

use axum::{Router, extract::Request, middleware, response::Response};
use messaging_axum::{HttpOptions, Server};
use messaging_core::{Actor, Messaging, Role, UserId, memory::MemoryStore};
use messaging_testkit::fake::FakeDirectory;

/// In place of a login. A request without an actor is answered with 401.
async fn authenticate(mut request: Request, next: middleware::Next) -> Response {
    let user = request.headers().get("x-user").and_then(|name| name.to_str().ok());
    if let Some(Ok(user_id)) = user.map(UserId::parse) {
        request.extensions_mut().insert(Actor::new(user_id, Role::Client));
    }
    next.run(request).await
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // `FakeDirectory` knows client-1, agency-1 and the like. A host has its own.
    let (messaging, workers) = Messaging::builder(MemoryStore::new(), FakeDirectory::new()).build()?;
    let api = messaging_axum::routes(&messaging, HttpOptions::default())
        .all()
        .layer(middleware::from_fn(authenticate));
    let app = Router::new().nest("/api", api);

    let address = env::var("BIND").unwrap_or_else(|_| "127.0.0.1:3000".to_owned());
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("listening on http://{}", listener.local_addr()?);
    Server::new(listener, app).workers(workers).run().await?;
    Ok(())
}
