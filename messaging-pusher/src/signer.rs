//! Signs channel subscriptions and user sign-ins.

use std::{collections::HashMap, fmt, sync::Arc};

use messaging_core::{
    event::SocketId,
    id::UserId,
    transport::channels::{ChannelAuth, Subscription, UserAuth},
    transport::{TransportError, TransportErrorKind},
};
use pusher::PusherBuilder;
use serde::{Deserialize, Serialize};

use crate::credentials::{AppKey, Credentials};

/// Signs channel subscriptions with an app's secret. Cheap to clone.
///
/// The signature of a private channel covers `<socket_id>:<channel>` and no member data: hosted Pusher accepts member
/// data there, other servers do not. The signature of a presence channel covers `<socket_id>:<channel>:<channel_data>`,
/// and the response contains the same `channel_data`: `{"user_id":"…","user_info":{"name":"…"}}`.
///
/// Names longer than the limit for member data are truncated. Signing fails for public channels only: they need no
/// signature.
#[derive(Clone)]
pub struct PusherSigner {
    key: AppKey,
    sign_channel: Arc<SignChannel>,
    sign_user: Arc<SignUser>,
}

// The `pusher` crate does not export the connector in its client's type, so the client cannot be a field. Closures hold
// it.
type SignChannel = dyn Fn(&Subscription) -> Result<String, String> + Send + Sync;
type SignUser = dyn Fn(&SocketId, &str) -> Result<String, String> + Send + Sync;

/// Maximum length of a presence member's `user_info`, in bytes of JSON.
pub(crate) const MAX_MEMBER_INFO_BYTES: usize = 1024;
/// Maximum length of a name inside `{"name":""}`, in bytes of JSON.
const MAX_NAME_BYTES: usize = MAX_MEMBER_INFO_BYTES - 11;

#[derive(Debug, thiserror::Error)]
enum SigningError {
    #[error("the channel is public and needs no signature")]
    PublicChannel,
    #[error("the channel or the socket id was rejected by the signing library: {0}")]
    Refused(String),
    #[error("the output of the signing library cannot be read")]
    Answer(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct SignedAnswer {
    auth: String,
    channel_data: Option<String>,
}

/// The signed `user_data` of a sign-in.
#[derive(Serialize)]
struct UserData<'a> {
    id: &'a str,
}

impl PusherSigner {
    /// Creates a signer for an app.
    pub fn new(credentials: &Credentials) -> Self {
        // The app id occurs only in paths of the HTTP API, which this client never calls.
        let app = || PusherBuilder::new("", credentials.key.as_str(), credentials.secret.expose()).finalize();
        let users = app();
        // A sign-in signature covers `<socket_id>::user::<user_data>`, the form of a private channel with that name.
        let sign_user = move |socket_id: &SocketId, data: &str| {
            let signed = users.authenticate_private_channel(&format!(":user::{data}"), socket_id.as_str());
            signed.map_err(str::to_owned)
        };
        let app = app();
        let sign_channel = move |subscription: &Subscription| {
            let Subscription {
                socket_id,
                channel,
                member,
            } = subscription;
            if channel.is_presence() {
                let member = pusher::Member {
                    user_id: &member.user_id.to_protocol_id(),
                    user_info: Some(HashMap::from([(
                        "name",
                        truncate_for_json(MAX_NAME_BYTES, &member.name),
                    )])),
                };
                app.authenticate_presence_channel(channel.as_str(), socket_id.as_str(), &member)
            } else {
                app.authenticate_private_channel(channel.as_str(), socket_id.as_str())
            }
            .map_err(str::to_owned)
        };
        Self {
            key: credentials.key.clone(),
            sign_channel: Arc::new(sign_channel),
            sign_user: Arc::new(sign_user),
        }
    }

    /// Signs a subscription. The caller has already checked access.
    ///
    /// # Errors
    /// [`Refused`](TransportErrorKind::Refused) if the channel is public.
    pub fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, TransportError> {
        self.try_sign(subscription).map_err(refused)
    }

    /// Signs a user's sign-in for one connection. The signed `user_data` is `{"id":"…"}` with the [protocol
    /// id](UserId::to_protocol_id) of the user.
    ///
    /// # Errors
    /// [`Refused`](TransportErrorKind::Refused) if the signing library fails.
    pub fn sign_in(&self, socket_id: &SocketId, user: &UserId) -> Result<UserAuth, TransportError> {
        self.try_sign_in(socket_id, user).map_err(refused)
    }

    fn try_sign_in(&self, socket_id: &SocketId, user: &UserId) -> Result<UserAuth, SigningError> {
        let id = &*user.to_protocol_id();
        let user_data = serde_json::to_string(&UserData { id })?;
        let answer = (self.sign_user)(socket_id, &user_data).map_err(SigningError::Refused)?;
        let SignedAnswer { auth, .. } = serde_json::from_str(&answer)?;
        Ok(UserAuth { auth, user_data })
    }

    fn try_sign(&self, subscription: &Subscription) -> Result<ChannelAuth, SigningError> {
        if !subscription.channel.is_signed() {
            return Err(SigningError::PublicChannel);
        }
        let answer = (self.sign_channel)(subscription).map_err(SigningError::Refused)?;
        let SignedAnswer { auth, channel_data } = serde_json::from_str(&answer)?;
        Ok(ChannelAuth { auth, channel_data })
    }
}

fn refused(error: SigningError) -> TransportError {
    TransportError::new(TransportErrorKind::Refused, error)
}

/// The longest prefix of `text` that takes at most `bytes` bytes when escaped in JSON. Never splits a character.
fn truncate_for_json(bytes: usize, text: &str) -> &str {
    let escaped_len = |c: char| match c {
        '"' | '\\' | '\u{8}' | '\t' | '\n' | '\u{c}' | '\r' => 2,
        '\0'..='\u{1f}' => 6,
        c => c.len_utf8(),
    };
    let mut left = bytes;
    for (end, c) in text.char_indices() {
        match left.checked_sub(escaped_len(c)) {
            Some(rest) => left = rest,
            None => return &text[..end],
        }
    }
    text
}

impl fmt::Debug for PusherSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PusherSigner")
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use messaging_core::{
        event::{ChannelName, SocketId},
        id::UserId,
        transport::channels::Member,
    };

    use super::*;
    use crate::credentials::AppSecret;

    fn signer() -> PusherSigner {
        PusherSigner::new(&Credentials {
            key: AppKey::parse("278d425bdf160c739803").unwrap(),
            secret: AppSecret::parse("7ad3773142a6692b25b8").unwrap(),
        })
    }

    fn sign(channel: &str, user_id: &str, name: &str) -> Result<ChannelAuth, TransportError> {
        signer().sign(&Subscription {
            socket_id: SocketId::parse("1234.1234").unwrap(),
            channel: ChannelName::parse(channel).unwrap(),
            member: Member {
                user_id: UserId::parse(user_id).unwrap(),
                name: name.to_owned(),
            },
        })
    }

    #[test]
    fn a_private_channel_is_signed_without_member_data() {
        let auth = sign("private-foobar", "10", "Mr. Pusher").unwrap();
        let signature = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";
        assert_eq!(auth.auth, format!("278d425bdf160c739803:{signature}"));
        assert_eq!(auth.channel_data, None);
    }

    #[test]
    fn the_signature_of_a_presence_channel_covers_the_returned_member_data() {
        let auth = sign("presence-foobar", "10", "Mr. Pusher").unwrap();
        let signature = "48dac51d2d7569e1e9c0f48c227d4b26f238fa68e5c0bb04222c966909c4f7c4";
        assert_eq!(auth.auth, format!("278d425bdf160c739803:{signature}"));
        assert_eq!(
            auth.channel_data.as_deref(),
            Some(r#"{"user_id":"10","user_info":{"name":"Mr. Pusher"}}"#)
        );
    }

    #[test]
    fn any_name_can_be_signed() {
        for name in ["", "\"\\\n\u{0}", "Zoë \u{202e}🦀", &"x".repeat(1_013)] {
            let data = sign("presence-foobar", "a|b", name)
                .unwrap()
                .channel_data
                .unwrap();
            let data: serde_json::Value = serde_json::from_str(&data).unwrap();
            assert_eq!(data["user_info"]["name"], *name);
        }
    }

    #[test]
    fn a_long_name_is_truncated_at_a_character_boundary() {
        let every_escape: String = ('\0'..='\u{80}').collect();
        for (part, bytes) in [
            ("x", 1),
            ("é", 2),
            ("🦀", 4),
            ("\"", 2),
            ("\n", 2),
            ("\u{1}", 6),
            ("\u{7f}", 1),
        ] {
            for before in ["", "x", "xx", "xxx"] {
                let name = format!("{before}{}", part.repeat(5_000));
                let data = sign("presence-foobar", "10", &name)
                    .unwrap()
                    .channel_data
                    .unwrap();
                let data: serde_json::Value = serde_json::from_str(&data).unwrap();
                let info = serde_json::to_string(&data["user_info"]).unwrap();
                let length = info.len();
                assert!(
                    (1024 - bytes + 1..=1024).contains(&length),
                    "{part:?} {before:?}: {length}"
                );
                assert!(name.starts_with(data["user_info"]["name"].as_str().unwrap()));
            }
        }
        for end in 0..every_escape.len() {
            let Some(text) = every_escape.get(..end) else {
                continue;
            };
            let length = serde_json::to_string(text).unwrap().len() - 2;
            assert_eq!(truncate_for_json(length, text), text);
            assert!(text.is_empty() || truncate_for_json(length - 1, text).len() < text.len());
        }
    }

    #[test]
    fn a_sign_in_signature_covers_the_socket_id_and_the_user_data() {
        let socket_id = SocketId::parse("1234.1234").unwrap();
        let signed = |id: &str| signer().sign_in(&socket_id, &UserId::parse(id).unwrap()).unwrap();
        // As `pusher-http-node` signs it: HMAC-SHA256 of `1234.1234::user::{"id":"10"}`.
        let auth = signed("10");
        assert_eq!(auth.user_data, r#"{"id":"10"}"#);
        let signature = "85a7a6bff89e1774be91bd1dd072351d2e58547a2d1b0ab4ce6af9d36a5c21e8";
        assert_eq!(auth.auth, format!("278d425bdf160c739803:{signature}"));
        assert_eq!(signed(r#"a"|b\"#).user_data, r#"{"id":"a\"|b\\"}"#);
        let long = "x".repeat(129);
        let digest = UserId::parse(&long).unwrap().to_protocol_id().into_owned();
        assert_eq!(signed(&long).user_data, format!(r#"{{"id":"{digest}"}}"#));
    }

    #[test]
    fn a_public_channel_is_not_signed() {
        assert!(sign("foobar", "10", "").is_err());
    }

    #[test]
    fn debug_output_hides_the_secret() {
        assert!(!format!("{:?}", signer()).contains("7ad3773142a6692b25b8"));
    }
}
