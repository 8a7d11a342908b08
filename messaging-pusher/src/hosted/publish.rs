//! Publishing events through the HTTP API.

use hyper::StatusCode;
use messaging_core::{
    event::{Event, SocketId},
    transport::realtime::Limits,
    transport::{TransportError, TransportErrorKind},
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{api::Api, http::ApiError};

/// Pusher's limits: events in a batch, and bytes of the value of an event's `data`.
pub(super) const LIMITS: Limits = Limits {
    events_per_call: 10,
    data_bytes: 10_240,
};
const MAX_NAME_CHARS: usize = 200;

#[derive(Debug, thiserror::Error)]
enum OverLimit {
    #[error("a batch has at most {} events", LIMITS.events_per_call)]
    Batch,
    #[error("an event's name has at most {MAX_NAME_CHARS} characters")]
    Name,
    #[error("an event's data have at most {} bytes", LIMITS.data_bytes)]
    Data,
}

#[derive(Serialize)]
struct SingleEvent<'a> {
    name: &'a str,
    channels: [&'a str; 1],
    data: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Batch<'a> {
    batch: Vec<BatchEvent<'a>>,
}

#[derive(Serialize)]
struct BatchEvent<'a> {
    name: &'a str,
    channel: &'a str,
    data: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<&'a str>,
}

/// Publishes a batch in one call.
pub(super) async fn publish(api: &Api, batch: &[Event]) -> Result<(), TransportError> {
    within_limits(batch).map_err(|over| TransportError::new(TransportErrorKind::Refused, over))?;
    let (path, body) = match batch {
        [] => return Ok(()),
        [event] => ("/events", json(&single_event(event))?),
        events => ("/batch_events", json(&batch_of(events))?),
    };
    // The content is ignored, but it must be an object: anything else is not a Pusher server.
    let answered = api.post::<Map<String, Value>>(path, body).await;
    answered.map(drop).map_err(publish_error)
}

fn single_event(event: &Event) -> SingleEvent<'_> {
    SingleEvent {
        name: event.name,
        channels: [event.channel.as_str()],
        data: &event.data,
        socket_id: event.except.as_ref().map(SocketId::as_str),
    }
}

fn batch_of(events: &[Event]) -> Batch<'_> {
    let to_batch_event = |event| {
        let SingleEvent {
            name,
            channels: [channel],
            data,
            socket_id,
        } = single_event(event);
        BatchEvent {
            name,
            channel,
            data,
            socket_id,
        }
    };
    Batch {
        batch: events.iter().map(to_batch_event).collect(),
    }
}

fn json(body: &impl Serialize) -> Result<String, TransportError> {
    serde_json::to_string(body).map_err(|error| TransportError::new(TransportErrorKind::Refused, error))
}

/// Maps an API error to a [`TransportError`]. Only 400 and 413 concern the event itself.
pub(crate) fn publish_error(error: ApiError) -> TransportError {
    let kind = match &error {
        ApiError::Refused {
            status, retry_after, ..
        } => match *status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => TransportErrorKind::Refused,
            // 404: unknown app.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                TransportErrorKind::Misconfigured
            }
            StatusCode::TOO_MANY_REQUESTS => TransportErrorKind::Busy {
                retry_after: *retry_after,
            },
            // A proxy may say so of a call that the server has accepted.
            status if status.is_server_error() || status.is_success() => TransportErrorKind::OutcomeUnknown,
            _ => TransportErrorKind::Unavailable,
        },
        ApiError::NoConnection(_) => TransportErrorKind::Unavailable,
        ApiError::TimeOut | ApiError::NoResponse(_) | ApiError::InvalidResponse(_) => {
            TransportErrorKind::OutcomeUnknown
        }
    };
    TransportError::new(kind, error)
}

fn within_limits(batch: &[Event]) -> Result<(), OverLimit> {
    if batch.len() > LIMITS.events_per_call {
        return Err(OverLimit::Batch);
    }
    for event in batch {
        if event.name.chars().count() > MAX_NAME_CHARS {
            return Err(OverLimit::Name);
        }
        if event.data.len() > LIMITS.data_bytes {
            return Err(OverLimit::Data);
        }
    }
    Ok(())
}
