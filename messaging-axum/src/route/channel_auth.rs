//! POST `/pusher/auth`: signing subscriptions.

use std::collections::BTreeMap;

use axum::extract::State;
use messaging_core::{
    Actor, Authorized, ErrorKind, Messaging,
    event::{ChannelName, SocketId},
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
    /// One channel, or several, at most 100: the field repeated, `channel_name[0]` and so on, or a list in JSON.
    #[schema(schema_with = channel_names, required)]
    #[serde(default)]
    channel_name: Field<OneOrMany>,
}

/// One channel, or several.
fn channel_names() -> utoipa::openapi::Schema {
    use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder, Schema};

    let one = <ChannelName as utoipa::PartialSchema>::schema();
    let several = ArrayBuilder::new()
        .items(one.clone())
        .min_items(Some(1))
        .max_items(Some(MAX_CHANNELS));
    Schema::OneOf(OneOfBuilder::new().item(one).item(several).build())
}

/// What to show to the realtime server: for one channel, or for each of several by its name.
#[derive(Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum AuthAnswer {
    One(ChannelAuth),
    Several(BTreeMap<String, OfSeveral>),
}

/// What is answered about one of several channels.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OfSeveral {
    /// 200; 403 for a channel that is refused.
    status: u16,
    /// Only where it is 200.
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<ChannelAuth>,
}

/// The most channels of a request.
const MAX_CHANNELS: usize = 100;

/// Sign a subscription
///
/// Takes a form or JSON, for one channel or for several. Answers as the client libraries expect it, without our
/// envelope. Every refusal is the same one: a channel that is not the caller's, does not exist, or is not ours. A user's
/// own channel is the one that `GET /messages/unread` answers: a user whose id does not fit into a channel's name stands
/// there as `=` and the id's base64url, or as `==` and the base64url of its SHA-256.
#[utoipa::path(
    post,
    path = "/pusher/auth",
    tag = "realtime",
    operation_id = "authorizeChannel",
    request_body(content(
        (AuthForm = "application/x-www-form-urlencoded"),
        (AuthForm = "application/json"),
    )),
    responses((status = 200, body = AuthAnswer), (status = 403))
)]
pub(crate) async fn authorize(
    Caller(actor): Caller,
    State(messaging): State<Messaging>,
    FormOrJson(form): FormOrJson<AuthForm>,
) -> Result<axum::Json<AuthAnswer>, ApiError> {
    let mut fields = Fields::default();
    let socket_id = fields.required("socket_id", form.socket_id, SocketId::parse);
    let asked = fields.required("channel_name", form.channel_name, Asked::parse);
    let (Ok(socket_id), Ok(asked)) = (socket_id, asked) else {
        return Err(fields.into());
    };
    let answer = match asked {
        Asked::One(channel) => AuthAnswer::One(sign(&messaging, &actor, &socket_id, &channel).await?),
        Asked::Several(channels) => {
            let mut answers = BTreeMap::new();
            for channel in channels {
                let answer = of_several(&messaging, &actor, &socket_id, &channel).await?;
                answers.insert(channel.to_string(), answer);
            }
            AuthAnswer::Several(answers)
        }
    };
    Ok(axum::Json(answer))
}

/// The channels that signatures are asked for.
enum Asked {
    One(ChannelName),
    Several(Vec<ChannelName>),
}

impl Asked {
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
            "{error}. A user whose id does not fit stands in the name of their channel as = and the base64url of the id: \
             GET /messages/unread answers the caller's"
        )
    })
}

/// One that is refused does not keep the others from being signed.
async fn of_several(
    messaging: &Messaging,
    actor: &Actor,
    socket_id: &SocketId,
    channel: &ChannelName,
) -> Result<OfSeveral, ApiError> {
    match sign(messaging, actor, socket_id, channel).await {
        Ok(auth) => Ok(OfSeveral {
            status: status::OK.as_u16(),
            data: Some(auth),
        }),
        Err(error) if error.code() == Code::Forbidden => Ok(OfSeveral {
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
