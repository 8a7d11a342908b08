//! The HTTP routes of [`messaging_core`], to be mounted in an axum application.
//!
//! A host says who is calling by putting an [`Actor`](messaging_core::Actor) on the request, in a
//! middleware of its own around the routes:
//!
//! ```
//! # use messaging_core::{*, host::HostError, host::directory::*};
//! # struct People;
//! # #[async_trait::async_trait]
//! # impl Directory for People {
//! #     async fn profiles(&self, _: &ProfileQuery) -> Result<Profiles, HostError> { Ok(Profiles::default()) }
//! #     async fn agent_user(&self, _: &AgentId) -> Result<Option<UserId>, HostError> { Ok(None) }
//! #     async fn booking_parties(&self, _: &BookingId) -> Result<Option<BookingParties>, HostError> { Ok(None) }
//! #     async fn contacts(&self, _: &[UserId]) -> Result<std::collections::HashMap<UserId, Contact>, HostError> {
//! #         Ok(std::collections::HashMap::new())
//! #     }
//! # }
//! # fn session(_: &Request) -> Option<Actor> { None }
//! use axum::{Router, extract::{FromRef, Request}, middleware::{Next, from_fn}, response::Response};
//! use messaging_axum::HttpOptions;
//!
//! #[derive(Clone)]
//! struct App { messaging: Messaging }
//!
//! impl FromRef<App> for Messaging {
//!     fn from_ref(app: &App) -> Self { app.messaging.clone() }
//! }
//!
//! async fn who(mut request: Request, next: Next) -> Response {
//!     if let Some(actor) = session(&request) {
//!         request.extensions_mut().insert::<Actor>(actor);
//!     }
//!     next.run(request).await
//! }
//!
//! let (messaging, _workers, _clock) = Messaging::in_memory(People);
//! let api = messaging_axum::routes::<App>(HttpOptions::default()).all().layer(from_fn(who));
//! let app: Router = Router::new().nest("/api", api).with_state(App { messaging });
//! ```
//!
//! What the routes answer is JSON: `{"success": true, "data": …}`, or `{"success": false, "error": "<a
//! sentence for a person>", "code": "<stable_snake_case>"}`, with `details` naming the fields of a request
//! that failed validation. What each route takes and answers is in the OpenAPI 3.1 document that they serve at
//! `/messages/openapi.json`, and that [`openapi`] gives. Nothing is put around the host's own routes, and no fallback is set.
//!
//! | module | holds |
//! |---|---|
//! | `route` | a use case a function, with what it takes and what it answers |
//! | `wire` | conversations, reports, activity and the audit log as they are answered |
//! | `extract` | from a request to parsed values, naming every field that fails |
//! | `answer`, `error`, `status` | from a result to an answer |
//! | `contract`, `schema` | the OpenAPI document, from what the functions in `route` say of themselves |
//! | `middleware` | request ids, spans, logs and panics, around each of these routes only |

mod answer;
mod contract;
mod error;
mod extract;
mod middleware;
mod options;
mod route;
mod routes;
mod schema;
mod status;
mod trouble;
mod wire;

pub use middleware::METRICS;
pub use options::{HttpOptions, Login};
pub use routes::{Routes, openapi, routes};
