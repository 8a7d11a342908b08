//! Signing subscriptions, and users in.

use std::{collections::HashMap, fmt, sync::Arc};

use messaging_core::{
    event::SocketId,
    host::HostError,
    id::UserId,
    transport::channels::{ChannelAuth, Subscription, UserAuth},
};
use pusher::PusherBuilder;
use serde::{Deserialize, Serialize};

use crate::credentials::{AppKey, Credentials};

/// Signs subscriptions with an app's secret. Cheap to clone.
///
/// A private channel's signature is over `<socket_id>:<channel>` and never over member data: hosted Pusher
/// would tolerate them, other servers of the protocol do not. A presence channel's signature is over
/// `<socket_id>:<channel>:<channel_data>`, and the answer carries that very `channel_data`:
/// `{"user_id":"…","user_info":{"name":"…"}}`.
///
/// A name that is too long for a member's data is cut. The only subscription that it refuses to sign is one
/// that needs no signature.
#[derive(Clone)]
pub struct PusherSigner {
    key: AppKey,
    answer: Arc<Answer>,
    user_answer: Arc<UserAnswer>,
}

// The client's type names its connector, which the `pusher` crate does not export: a closure needs no name.
type Answer = dyn Fn(&Subscription) -> Result<String, String> + Send + Sync;
type UserAnswer = dyn Fn(&SocketId, &str) -> Result<String, String> + Send + Sync;

/// The most bytes of what is said about a member of a presence channel, as JSON.
pub(crate) const MAX_MEMBER_INFO_BYTES: usize = 1024;
/// What a name may take of that, within `{"name":""}`.
const MAX_NAME_BYTES: usize = MAX_MEMBER_INFO_BYTES - 11;

#[derive(Debug, thiserror::Error)]
enum SigningError {
    #[error("the channel needs no signature")]
    PublicChannel,
    #[error("the signature was refused: {0}")]
    Refused(String),
    #[error("the signed answer cannot be read")]
    Answer(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct SignedAnswer {
    auth: String,
    channel_data: Option<String>,
}

/// What is signed about a user.
#[derive(Serialize)]
struct UserData<'a> {
    id: &'a str,
}

impl PusherSigner {
    /// A signer for an app.
    pub fn new(credentials: &Credentials) -> Self {
        // The app's id stands only in the paths of the HTTP API, which is not called here.
        let app = || PusherBuilder::new("", credentials.key.as_str(), credentials.secret.expose()).finalize();
        let users = app();
        // What is signed is `<socket_id>::user::<user_data>`, as if it were for a channel of that name.
        let user_answer = move |socket_id: &SocketId, data: &str| {
            let signed = users.authenticate_private_channel(&format!(":user::{data}"), socket_id.as_str());
            signed.map_err(str::to_owned)
        };
        let app = app();
        let answer = move |subscription: &Subscription| {
            let Subscription {
                socket_id,
                channel,
                member,
            } = subscription;
            if channel.is_presence() {
                let member = pusher::Member {
                    user_id: &member.user_id.to_protocol_id(),
                    user_info: Some(HashMap::from([("name", within(MAX_NAME_BYTES, &member.name))])),
                };
                app.authenticate_presence_channel(channel.as_str(), socket_id.as_str(), &member)
            } else {
                app.authenticate_private_channel(channel.as_str(), socket_id.as_str())
            }
            .map_err(str::to_owned)
        };
        Self {
            key: credentials.key.clone(),
            answer: Arc::new(answer),
            user_answer: Arc::new(user_answer),
        }
    }

    /// Signs a subscription that has been decided on.
    ///
    /// # Errors
    /// When the channel is one that needs no signature.
    pub fn sign(&self, subscription: &Subscription) -> Result<ChannelAuth, HostError> {
        self.try_sign(subscription).map_err(HostError::permanent)
    }

    /// Signs a user's connection in: `{"id":"…"}` stands for the user, with
    /// [their id in the protocol](UserId::to_protocol_id).
    ///
    /// # Errors
    /// When the answer cannot be made.
    pub fn sign_in(&self, socket_id: &SocketId, user: &UserId) -> Result<UserAuth, HostError> {
        self.try_sign_in(socket_id, user).map_err(HostError::permanent)
    }

    fn try_sign_in(&self, socket_id: &SocketId, user: &UserId) -> Result<UserAuth, SigningError> {
        let id = &*user.to_protocol_id();
        let user_data = serde_json::to_string(&UserData { id })?;
        let answer = (self.user_answer)(socket_id, &user_data).map_err(SigningError::Refused)?;
        let SignedAnswer { auth, .. } = serde_json::from_str(&answer)?;
        Ok(UserAuth { auth, user_data })
    }

    fn try_sign(&self, subscription: &Subscription) -> Result<ChannelAuth, SigningError> {
        if !subscription.channel.is_signed() {
            return Err(SigningError::PublicChannel);
        }
        let answer = (self.answer)(subscription).map_err(SigningError::Refused)?;
        let SignedAnswer { auth, channel_data } = serde_json::from_str(&answer)?;
        Ok(ChannelAuth { auth, channel_data })
    }
}

/// As much of a text, in whole characters, as takes at most so many bytes within a JSON text.
fn within(bytes: usize, text: &str) -> &str {
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

    fn sign(channel: &str, user_id: &str, name: &str) -> Result<ChannelAuth, HostError> {
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
    fn a_presence_channel_is_signed_with_the_data_that_it_answers() {
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
    fn a_long_name_is_cut_between_characters() {
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
            assert_eq!(within(length, text), text);
            assert!(text.is_empty() || within(length - 1, text).len() < text.len());
        }
    }

    #[test]
    fn a_user_is_signed_in_by_socket_and_data() {
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
    fn the_secret_is_not_shown() {
        assert!(!format!("{:?}", signer()).contains("7ad3773142a6692b25b8"));
    }
}
