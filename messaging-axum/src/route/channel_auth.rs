//! POST `/pusher/auth`: signs subscriptions.

use std::collections::BTreeMap;

use axum::extract::State;
use messaging_core::{
    Actor, ErrorKind, Messaging,
    event::{ChannelName, SocketId},
    participant::Authorized,
    transport::channels::ChannelAuth,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    error::ApiError,
    extract::{Caller, Field, Fields, FormOrJson, OneOrMany},
    status::{self, Code},
};

#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct AuthForm {
    #[schema(value_type = SocketId, required)]
    #[serde(default)]
    socket_id: Field<String>,
    /// One channel, or 1 to 100 channels: the form field repeated or indexed as `channel_name[0]`, or a list in JSON.
    #[schema(schema_with = channel_names, required)]
    #[serde(default)]
    channel_name: Field<OneOrMany>,
}

/// One channel, or a list of channels.
fn channel_names() -> utoipa::openapi::Schema {
    use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};

    let one = <ChannelName as utoipa::PartialSchema>::schema();
    let several = ArrayBuilder::new()
        .items(one.clone())
        .min_items(Some(1))
        .max_items(Some(MAX_CHANNELS));
    Schema::OneOf(OneOfBuilder::new().item(one).item(several).build())
}

/// The signature for one channel, or the result for each of several channels by name.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuthAnswer)]
#[serde(untagged)]
pub(crate) enum AuthResponse {
    One(ChannelAuth),
    Several(BTreeMap<String, ChannelResult>),
}

/// The result for one of several channels.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OfSeveral)]
pub(crate) struct ChannelResult {
    /// 200, or 403 if the channel is refused.
    status: u16,
    /// Present if the status is 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<ChannelAuth>,
}

/// Maximum number of channels of a request.
const MAX_CHANNELS: usize = 100;

/// Sign a subscription
///
/// Accepts a form or JSON, for one channel or several. The response has the form that the client libraries expect,
/// without the standard envelope. A refusal does not reveal whether a channel exists. The name of the caller's own
/// channel is in the response of `GET /messages/unread`: a user id that does not fit into a channel name is encoded as
/// `=` and its base64url, or as `==` and the base64url of its SHA-256.
#[utoipa::path(
    post,
    path = "/pusher/auth",
    tag = "realtime",
    operation_id = "authorizeChannel",
    request_body(content(
        (AuthForm = "application/x-www-form-urlencoded"),
        (AuthForm = "application/json"),
    )),
    responses((status = 200, body = AuthResponse), (status = 403))
)]
pub(crate) async fn authorize(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    FormOrJson(form): FormOrJson<AuthForm>,
) -> Result<axum::Json<AuthResponse>, ApiError> {
    let mut fields = Fields::default();
    let socket_id = fields.required("socket_id", form.socket_id, SocketId::parse);
    let requested = fields.required("channel_name", form.channel_name, RequestedChannels::parse);
    let (Ok(socket_id), Ok(requested)) = (socket_id, requested) else {
        return Err(fields.into());
    };
    let response = match requested {
        RequestedChannels::One(channel) => {
            AuthResponse::One(sign(&messaging, &actor, &socket_id, &channel).await?)
        }
        RequestedChannels::Several(channels) => {
            let mut results = BTreeMap::new();
            for channel in channels {
                let result = sign_one_of_several(&messaging, &actor, &socket_id, &channel).await?;
                results.insert(channel.to_string(), result);
            }
            AuthResponse::Several(results)
        }
    };
    Ok(axum::Json(response))
}

/// The channels to sign.
enum RequestedChannels {
    One(ChannelName),
    Several(Vec<ChannelName>),
}

impl RequestedChannels {
    fn parse(names: OneOrMany) -> Result<Self, String> {
        match names {
            OneOrMany::One(name) => channel(&name).map(Self::One),
            OneOrMany::Many(names) if names.is_empty() => Err("is required".to_owned()),
            OneOrMany::Many(names) if names.len() > MAX_CHANNELS => {
                Err(format!("must be at most {MAX_CHANNELS} channels"))
            }
            OneOrMany::Many(names) => {
                let channels = names.iter().map(|name| channel(name));
                channels.collect::<Result<_, _>>().map(Self::Several)
            }
        }
    }
}

fn channel(name: &str) -> Result<ChannelName, String> {
    ChannelName::parse(name).map_err(|error| {
        format!(
            "{error}. A user id that does not fit into a channel name is encoded as = and its base64url; \
             GET /messages/unread results the caller's"
        )
    })
}

/// Signs one of several channels. A refusal does not affect the others.
async fn sign_one_of_several(
    messaging: &Messaging,
    actor: &Actor,
    socket_id: &SocketId,
    channel: &ChannelName,
) -> Result<ChannelResult, ApiError> {
    match sign(messaging, actor, socket_id, channel).await {
        Ok(auth) => Ok(ChannelResult {
            status: status::OK.as_u16(),
            data: Some(auth),
        }),
        Err(error) if error.code() == Code::Forbidden => Ok(ChannelResult {
            status: error.code().status().as_u16(),
            data: None,
        }),
        Err(error) => Err(error),
    }
}

async fn sign(
    messaging: &Messaging,
    actor: &Actor,
    socket_id: &SocketId,
    channel: &ChannelName,
) -> Result<ChannelAuth, ApiError> {
    match messaging.authorize(actor, socket_id, channel).await {
        Ok(Authorized::Signed(auth)) => Ok(auth),
        Ok(Authorized::NotOurs) => Err(ApiError::new(Code::Forbidden)),
        Err(error) => Err(match error.kind() {
            ErrorKind::Forbidden { .. } | ErrorKind::NotFound => ApiError::new(Code::Forbidden),
            _ => error.into(),
        }),
    }
}
