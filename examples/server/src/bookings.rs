//! Booking a tour: shows how a host opens the conversation of a booking.

use axum::{
    Extension, Json, body,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::StreamExt as _;
use messaging_core::{
    Actor, AgentId, Body, ConversationId, Error, HostOpen, IdempotencyKey, Messaging, SystemMessage,
};
use serde::{Deserialize, Serialize};

use crate::users::{DemoAgency, DemoBooking, DemoUser};

/// Maximum length of a request body, in bytes.
const MAX_BYTES: usize = 1024;

/// A client's request to book a tour of an agency.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewBooking {
    agent_id: AgentId,
}

/// The booking and its conversation.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BookingPayload {
    id: String,
    booking_number: String,
    conversation_id: ConversationId,
}

/// `POST /demo/bookings`: books a tour, opens the conversation and sends a confirmation. Idempotent.
pub(crate) async fn book(
    State(messaging): State<Messaging>,
    actor: Option<Extension<Actor>>,
    body: body::Body,
) -> Response {
    let Some(Extension(actor)) = actor else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let Some(DemoUser::Client(client)) = DemoUser::parse(actor.user_id().as_str()) else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let request = match read(body).await {
        Ok(request) => request,
        Err(refused) => return refused.into_response(),
    };
    let Some(agency) = DemoAgency::parse(request.agent_id.as_str()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let booking = DemoBooking {
        client,
        agency: agency.0,
    };
    match confirm(&messaging, booking).await {
        Ok(conversation_id) => {
            let payload = BookingPayload {
                id: booking.id().to_string(),
                booking_number: booking.number(),
                conversation_id,
            };
            (StatusCode::CREATED, Json(payload)).into_response()
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "booking not confirmed; the client can repeat the request"
            );
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Copies the body into one buffer, because its parts may keep larger receive buffers alive.
async fn read(body: body::Body) -> Result<NewBooking, StatusCode> {
    let mut whole = Vec::new();
    let mut parts = body.into_data_stream();
    while let Some(part) = parts.next().await {
        let part = part.map_err(|_| StatusCode::BAD_REQUEST)?;
        if whole.len() + part.len() > MAX_BYTES {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        whole.extend_from_slice(&part);
    }
    serde_json::from_slice(&whole).map_err(|_| StatusCode::BAD_REQUEST)
}

async fn confirm(messaging: &Messaging, booking: DemoBooking) -> Result<ConversationId, Error> {
    let (client, agency) = (DemoUser::Client(booking.client).id(), DemoAgency(booking.agency));
    let open = HostOpen::new(&client, &agency.id(), &agency.user().id()).with_booking(&booking.id());
    let opened = messaging
        .operations()
        .open_prepared(&messaging.operations().prepare_open(open)?)
        .await?;
    let text = format!("Booking {} confirmed: {}", booking.number(), booking.tour_title());
    let body = Body::parse(&text).expect("the confirmation is a valid text");
    let key = IdempotencyKey::parse(booking.id().as_str()).expect("a booking id is a valid key");
    messaging
        .operations()
        .send_system_message(&SystemMessage::new(opened.id, body, key))
        .await?;
    Ok(opened.id)
}
