//! Booking a tour: how a host opens the conversation that belongs to it.

use axum::{
    Extension, Json, body,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use futures_util::StreamExt as _;
use messaging_core::{
    Actor, AgentId, Body, ConversationId, Error, HostOpen, IdempotencyKey, Messaging, Recipients,
};
use serde::{Deserialize, Serialize};

use crate::users::{DemoAgency, DemoBooking, DemoUser};

/// The most bytes of a wish.
const MAX_BYTES: usize = 1024;

/// A client's wish to book a tour of an agency.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewBooking {
    agent_id: AgentId,
}

/// The booking, and where it is talked about.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Booked {
    id: String,
    booking_number: String,
    conversation_id: ConversationId,
}

/// `POST /demo/bookings`: books, opens the conversation, and says so in it; again, it comes to the same.
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
    let wish = match read(body).await {
        Ok(wish) => wish,
        Err(refused) => return refused.into_response(),
    };
    let Some(agency) = DemoAgency::parse(wish.agent_id.as_str()) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let booking = DemoBooking {
        client,
        agency: agency.0,
    };
    match confirm(&messaging, booking).await {
        Ok(conversation_id) => {
            let booked = Booked {
                id: booking.id().to_string(),
                booking_number: booking.number(),
                conversation_id,
            };
            (StatusCode::CREATED, Json(booked)).into_response()
        }
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a booking was not confirmed"
            );
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

/// Into one buffer: a part of a body may hold on to all that it was received with.
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
    let open = HostOpen::new(&client, &agency.id(), &agency.user().id()).booking(&booking.id());
    let opened = messaging.open_prepared(&messaging.prepare_open(open)?).await?;
    let text = format!("Booking {} confirmed: {}", booking.number(), booking.tour_title());
    let body = Body::parse(&text).expect("a booking's text is short and visible");
    let once = IdempotencyKey::parse(booking.id().as_str()).expect("a booking's id is a key");
    messaging
        .send_system_message(opened.id, Recipients::Both, body, once)
        .await?;
    Ok(opened.id)
}
