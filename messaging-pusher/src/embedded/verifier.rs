//! Verification of subscription and sign-in signatures.

use hmac::{Hmac, KeyInit, Mac};
use messaging_core::event::{ChannelName, SocketId};
use serde::Deserialize;
use serde_json::{Number, value::RawValue};
use sha2::Sha256;

use super::{
    command::{SignIn, SubscribeRequest},
    refusal::Refusal,
    roster::Member,
};
use crate::{
    credentials::{AppKey, Credentials},
    signer::MAX_MEMBER_INFO_BYTES,
};

/// A subscription request with a valid signature and with names and data within the limits.
#[derive(Debug)]
pub(super) enum Verified {
    /// A public channel; needs no signature.
    Public(ChannelName),
    /// Signed for this connection.
    Private(ChannelName),
    /// Signed for this connection, as this member.
    Presence(ChannelName, Member),
}

/// Verifies signatures with an app's secret.
#[derive(Clone)]
pub(super) struct Verifier {
    key: AppKey,
    mac: Hmac<Sha256>,
}

const MAX_MEMBER_ID_CHARS: usize = 128;

impl Verifier {
    pub(super) fn new(credentials: &Credentials) -> Self {
        let secret = credentials.secret.expose().as_bytes();
        Self {
            key: credentials.key.clone(),
            mac: Hmac::new_from_slice(secret).expect("a key of HMAC may have any length"),
        }
    }

    /// Verifies a subscription request. Compares signatures in constant time.
    ///
    /// # Errors
    /// The [`Refusal`] to send.
    pub(super) fn verify(
        &self,
        socket_id: &SocketId,
        channel: ChannelName,
        request: &SubscribeRequest,
    ) -> Result<Verified, Refusal> {
        if !channel.is_signed() {
            return Ok(Verified::Public(channel));
        }
        let auth = request.auth.as_deref().ok_or(Refusal::InvalidSignature)?;
        if !channel.is_presence() {
            let is_right = self.is_signature(auth, &[socket_id.as_str(), channel.as_str()]);
            return if is_right {
                Ok(Verified::Private(channel))
            } else {
                Err(Refusal::InvalidSignature)
            };
        }
        let data = request
            .channel_data
            .as_deref()
            .ok_or(Refusal::InvalidMemberData)?;
        if self.is_signature(auth, &[socket_id.as_str(), channel.as_str(), data]) {
            Ok(Verified::Presence(channel, Member::parse(data)?))
        } else {
            Err(Refusal::InvalidSignature)
        }
    }

    /// The user id of a valid sign-in request, or `None` if the signature or the user data is invalid.
    pub(super) fn verify_sign_in(&self, socket_id: &SocketId, sign_in: &SignIn) -> Option<String> {
        #[derive(Deserialize)]
        struct UserData {
            id: String,
        }

        let SignIn { auth, user_data } = sign_in;
        if !self.is_signature(auth, &[socket_id.as_str(), "", "user", "", user_data]) {
            return None;
        }
        let UserData { id } = serde_json::from_str(user_data).ok()?;
        (1..=MAX_MEMBER_ID_CHARS)
            .contains(&id.chars().count())
            .then_some(id)
    }

    /// Whether `auth` is the app key and the signature of the parts joined by colons.
    fn is_signature(&self, auth: &str, parts: &[&str]) -> bool {
        let signature = auth
            .strip_prefix(self.key.as_str())
            .and_then(|rest| rest.strip_prefix(':'));
        let Some(Ok(signature)) = signature.map(hex::decode) else {
            return false;
        };
        let mac = self.mac.clone().chain_update(parts.join(":"));
        mac.verify_slice(&signature).is_ok()
    }
}

impl Member {
    fn parse(data: &str) -> Result<Self, Refusal> {
        #[derive(Deserialize)]
        struct MemberData {
            user_id: Id,
            #[serde(default)]
            user_info: Box<RawValue>,
        }
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Id {
            Text(String),
            Number(Number),
        }

        let MemberData { user_id, user_info } =
            serde_json::from_str(data).map_err(|_| Refusal::InvalidMemberData)?;
        let user_id = match user_id {
            Id::Text(id) => id,
            Id::Number(id) => id.to_string(),
        };
        match user_id.chars().count() {
            0 => Err(Refusal::InvalidMemberData),
            1..=MAX_MEMBER_ID_CHARS if user_info.get().len() <= MAX_MEMBER_INFO_BYTES => {
                Ok(Self::new(user_id, user_info))
            }
            1..=MAX_MEMBER_ID_CHARS => Err(Refusal::MemberDataTooLarge),
            _ => Err(Refusal::MemberIdTooLong),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::credentials::AppSecret;

    const KEY: &str = "278d425bdf160c739803";
    const PRIVATE: &str = "58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4";

    fn verifier() -> Verifier {
        Verifier::new(&Credentials {
            key: AppKey::parse(KEY).unwrap(),
            secret: AppSecret::parse("7ad3773142a6692b25b8").unwrap(),
        })
    }

    fn verify(channel: &str, auth: Option<&str>, channel_data: Option<&str>) -> Result<Verified, Refusal> {
        let request = SubscribeRequest {
            channel: channel.to_owned(),
            auth: auth.map(str::to_owned),
            channel_data: channel_data.map(str::to_owned),
        };
        let socket_id = SocketId::parse("1234.1234").unwrap();
        verifier().verify(&socket_id, ChannelName::parse(channel).unwrap(), &request)
    }

    fn signed(channel: &str, data: Option<&str>) -> Result<Verified, Refusal> {
        let to_sign = [Some("1234.1234"), Some(channel), data]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(":");
        let signature = verifier().mac.chain_update(to_sign).finalize().into_bytes();
        verify(channel, Some(&format!("{KEY}:{}", hex::encode(signature))), data)
    }

    #[test]
    fn the_signatures_in_pushers_documentation_are_valid() {
        let private = verify("private-foobar", Some(&format!("{KEY}:{PRIVATE}")), None);
        assert!(matches!(private, Ok(Verified::Private(_))));
        for (data, signature) in [
            (
                r#"{"user_id":10,"user_info":{"name":"Mr. Channels"}}"#,
                "31935e7d86dba64c2a90aed31fdc61869f9b22ba9d8863bba239c03ca481bc80",
            ),
            (
                r#"{"user_id":10,"user_info":{"name":"Mr. Pusher"}}"#,
                "afaed3695da2ffd16931f457e338e6c9f2921fa133ce7dac49f529792be6304c",
            ),
            (
                r#"{"user_id":"10","user_info":{"name":"Mr. Pusher"}}"#,
                "48dac51d2d7569e1e9c0f48c227d4b26f238fa68e5c0bb04222c966909c4f7c4",
            ),
        ] {
            let auth = format!("{KEY}:{signature}");
            match verify("presence-foobar", Some(&auth), Some(data)) {
                Ok(Verified::Presence(_, member)) => assert_eq!(member.user_id, "10"),
                other => panic!("{data}: {other:?}"),
            }
        }
    }

    #[test]
    fn any_other_signature_is_refused() {
        let flipped = PRIVATE.replacen('5', "6", 1);
        for auth in [
            String::new(),
            ":".to_owned(),
            PRIVATE.to_owned(),
            format!("other:{PRIVATE}"),
            format!("{KEY}:{flipped}"),
            format!("{KEY}:{}", &PRIVATE[..62]),
            format!("{KEY}:{PRIVATE}00"),
            format!("{KEY}:{}", "é".repeat(32)),
            format!("{KEY}:"),
            KEY.to_owned(),
        ] {
            assert_eq!(
                verify("private-foobar", Some(&auth), None).unwrap_err(),
                Refusal::InvalidSignature,
                "{auth}"
            );
        }
        let right = format!("{KEY}:{PRIVATE}");
        assert_eq!(
            verify("private-foobar", None, None).unwrap_err(),
            Refusal::InvalidSignature
        );
        assert_eq!(
            verify("private-foobaz", Some(&right), None).unwrap_err(),
            Refusal::InvalidSignature
        );
        assert_eq!(
            verify("presence-foobar", Some(&right), Some("{}")).unwrap_err(),
            Refusal::InvalidSignature
        );
    }

    #[test]
    fn public_channels_need_no_signature() {
        assert!(matches!(verify("news", Some(""), None), Ok(Verified::Public(_))));
    }

    #[test]
    fn member_data_is_validated() {
        let check = |data: &str, refusal: Option<Refusal>| {
            assert_eq!(signed("presence-a", Some(data)).err(), refusal, "{data}");
        };
        let id = |chars: usize| format!(r#"{{"user_id":"{}"}}"#, "é".repeat(chars));
        let info = |bytes: usize| format!(r#"{{"user_id":"a","user_info":"{}"}}"#, "x".repeat(bytes - 2));
        check(r#"{"user_id":"a"}"#, None);
        check(&id(128), None);
        check(&id(129), Some(Refusal::MemberIdTooLong));
        check(&info(1024), None);
        check(&info(1025), Some(Refusal::MemberDataTooLarge));
        for bad in [
            "",
            "null",
            "{}",
            r#"{"user_id":""}"#,
            r#"{"user_id":true}"#,
            r#"{"user_id":["a"]}"#,
        ] {
            check(bad, Some(Refusal::InvalidMemberData));
        }
        assert_eq!(
            signed("presence-a", None).unwrap_err(),
            Refusal::InvalidMemberData
        );
    }
}
