//! The HTTP routes of [`messaging_core`], to be mounted in an axum application.
//!
//! A host authenticates callers in its own middleware around the routes, and inserts an
//! [`Actor`](messaging_core::Actor) into the request:
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
//! use axum::{Router, extract::Request, middleware::{Next, from_fn}, response::Response};
//! use messaging_axum::HttpOptions;
//!
//! async fn authenticate(mut request: Request, next: Next) -> Response {
//!     if let Some(actor) = session(&request) {
//!         request.extensions_mut().insert::<Actor>(actor);
//!     }
//!     next.run(request).await
//! }
//!
//! # fn main() -> Result<(), messaging_core::ConfigError> {
//! let (messaging, _workers) = Messaging::in_memory(People).build()?;
//! let api = messaging_axum::routes(&messaging, HttpOptions::default()).all().layer(from_fn(authenticate));
//! let app: Router = Router::new().nest("/api", api);
//! # let _ = app; Ok(()) }
//! ```
//!
//! A host's own handlers get the caller by [`Caller`], and respond to errors as the routes do by [`ErrorResponse`].
//!
//! Responses are JSON: `{"success": true, "data": …}`, or `{"success": false, "error": "<message>", "code":
//! "<stable_snake_case>"}`, with the invalid fields of a request in `details`. The routes serve their own OpenAPI 3.1
//! document at `/messages/openapi.json`; [`openapi`] returns it. No middleware applies to the host's own routes, and no
//! fallback is set.
//!
//! | module | contents |
//! |---|---|
//! | `route` | one function for each use case, with its input and response |
//! | `wire` | JSON forms of conversations, reports, activity and the audit log |
//! | `extract` | from a request to parsed values, with an error for every invalid field |
//! | `response`, `error`, `status` | from a result to a response |
//! | `error_response` | the same errors for a host's own handlers |
//! | `contract`, `schema` | the OpenAPI document, from the descriptions of the functions in `route` |
//! | `server` | serving until a signal, and stopping in order |
//! | `middleware` | request ids, spans, logs and panics, for these routes only |

mod contract;
mod error;
mod error_response;
mod extract;
mod failure;
mod middleware;
mod options;
mod response;
mod route;
mod routes;
mod schema;
mod server;
mod status;
mod wire;

pub use error_response::ErrorResponse;
pub use extract::Caller;
pub use middleware::METRICS;
pub use options::{HttpOptions, Login};
pub use route::Route;
pub use routes::{Routes, openapi, routes};
pub use server::{Server, ServerError, StopSignal, Stopped};
