//! Events on their way out.

use hyper::StatusCode;
use messaging_core::{
    event::{Event, SocketId},
    transport::realtime::{Limits, PublishError, PublishErrorKind},
};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{api::Api, http::ApiError};

/// Pusher's limits: of a batch, and of an event's data in bytes, counted as they stand in `data`.
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
struct Single<'a> {
    name: &'a str,
    channels: [&'a str; 1],
    data: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Batch<'a> {
    batch: Vec<OfBatch<'a>>,
}

#[derive(Serialize)]
struct OfBatch<'a> {
    name: &'a str,
    channel: &'a str,
    data: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket_id: Option<&'a str>,
}

/// Hands a batch over, in one call.
pub(super) async fn publish(api: &Api, batch: &[Event]) -> Result<(), PublishError> {
    within_limits(batch).map_err(|over| PublishError::new(PublishErrorKind::Refused, over))?;
    let (path, body) = match batch {
        [] => return Ok(()),
        [event] => ("/events", json(&single(event))?),
        events => ("/batch_events", json(&batch_of(events))?),
    };
    // An object, whatever is in it: what else would answer is not such a server.
    let answered = api.post::<Map<String, Value>>(path, body).await;
    answered.map(drop).map_err(failure)
}

fn single(event: &Event) -> Single<'_> {
    Single {
        name: event.name,
        channels: [event.channel.as_str()],
        data: &event.data,
        socket_id: event.except.as_ref().map(SocketId::as_str),
    }
}

fn batch_of(events: &[Event]) -> Batch<'_> {
    let of_batch = |event| {
        let Single {
            name,
            channels: [channel],
            data,
            socket_id,
        } = single(event);
        OfBatch {
            name,
            channel,
            data,
            socket_id,
        }
    };
    Batch {
        batch: events.iter().map(of_batch).collect(),
    }
}

fn json(body: &impl Serialize) -> Result<String, PublishError> {
    serde_json::to_string(body).map_err(|error| PublishError::new(PublishErrorKind::Refused, error))
}

/// What can be done about a call that failed. Only what Pusher says of an event itself is held against it.
pub(crate) fn failure(error: ApiError) -> PublishError {
    let kind = match &error {
        ApiError::Refused {
            status, retry_after, ..
        } => match *status {
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => PublishErrorKind::Refused,
            // 404: there is no such app.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                PublishErrorKind::Misconfigured
            }
            StatusCode::TOO_MANY_REQUESTS => PublishErrorKind::Busy {
                retry_after: *retry_after,
            },
            _ => PublishErrorKind::Down,
        },
        ApiError::TimeOut | ApiError::NoAnswer(_) | ApiError::NotUnderstood(_) => PublishErrorKind::Down,
    };
    PublishError::new(kind, error)
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
