//! One connection's side of the protocol.

use std::sync::Arc;

use messaging_core::{
    event::{ChannelName, SocketId},
    time::Timestamp,
};

use super::{
    close::Close,
    command::{ClientEvent, Command, Request, SignIn},
    frame::Frame,
    hub::ClientEventError,
    rate::Rate,
    refusal::Refusal,
    send_queue::SendQueue,
    server::Server,
};

/// One connection's side of the protocol: messages in, frames into its queue and, through the hub, into
/// others'. Knows neither sockets nor clocks.
pub(super) struct Session {
    membership: Arc<Membership>,
    rate: Rate,
    unauthorised: u32,
}

/// A connection's place in the hub, which ends with this value at the latest.
pub(super) struct Membership {
    pub(super) socket_id: SocketId,
    pub(super) queue: Arc<SendQueue>,
    server: Arc<Server>,
}

/// What the channel is called in which a server would speak to one user, before the user's id. Nothing is said there:
/// what concerns a user has a channel of ours.
const SERVER_TO_USER: &str = "#server-to-user-";
/// After how many wrong signatures a connection is sent away. A page that goes through an authorisation
/// endpoint never sends one: this is for who tries.
const MAX_UNAUTHORISED: u32 = 50;
/// The code of an error about too many client events.
const RATE_LIMIT: u16 = 4301;

impl Session {
    /// Greets a connection, or sends it away: when it was not admitted, or there is no place for it.
    pub(super) fn open(server: Arc<Server>, socket_id: SocketId, admitted: Result<(), Close>) -> Self {
        let options = &server.options;
        let rate = Rate::new(options.client_events_per_second);
        let membership = Arc::new(Membership {
            socket_id,
            queue: Arc::new(SendQueue::new(options.queue_messages, options.queue_bytes)),
            server,
        });
        if let Err(close) = admitted.and_then(|()| membership.begin()) {
            membership.queue.close(close);
        }
        Self {
            membership,
            rate,
            unauthorised: 0,
        }
    }

    /// Takes a message. Whatever it says, the session can go on; once it is being closed, it takes no more.
    pub(super) fn receive(&mut self, text: &str, now: Timestamp) {
        if self.queue().is_closed() {
            return;
        }
        if text.len() > self.server().options.max_message_bytes {
            return self.complain("the message is too long");
        }
        match Command::parse(text) {
            Ok(Command::Ping) => self.queue().push(Frame::pong()),
            Ok(Command::Subscribe(request)) => self.subscribe(&request),
            Ok(Command::Unsubscribe { channel }) => self.unsubscribe(&channel),
            Ok(Command::ClientEvent(event)) => self.relay(&event, now),
            Ok(Command::SignIn(sign_in)) => self.sign_in(&sign_in),
            Ok(Command::Pong | Command::Unknown) => {}
            Err(error) => self.complain(&error.to_string()),
        }
    }

    /// Takes a binary message, which the protocol does not know.
    pub(super) fn receive_binary(&self) {
        self.complain("binary messages are not supported");
    }

    pub(super) fn membership(&self) -> Arc<Membership> {
        self.membership.clone()
    }

    fn sign_in(&mut self, sign_in: &SignIn) {
        let Membership {
            socket_id,
            server,
            queue,
        } = &*self.membership;
        let Some(user) = server.verifier.verify_sign_in(socket_id, sign_in) else {
            let code = Close::Unauthorised.code();
            queue.push(Frame::error(Some(code), "Invalid signature, or no user"));
            return self.distrust();
        };
        match server.hub().sign_in(socket_id, user) {
            Ok(()) => queue.push(Frame::signed_in(&sign_in.user_data)),
            Err(error) => self.complain(&error.to_string()),
        }
    }

    fn subscribe(&mut self, request: &Request) {
        if let Some(user) = request.channel.strip_prefix(SERVER_TO_USER) {
            return self.subscribe_as_user(user, &request.channel);
        }
        // What is no channel's name is not sent back: it may be as long as a message, and anything.
        let Ok(channel) = ChannelName::parse(&request.channel) else {
            return self.complain("invalid channel name");
        };
        let Membership {
            socket_id, server, ..
        } = &*self.membership;
        // The signature is verified before the hub is locked.
        let verified = server.verifier.verify(socket_id, channel.clone(), request);
        let Err(refusal) = verified.and_then(|verified| server.hub().subscribe(socket_id, verified)) else {
            return;
        };
        self.queue().push(Frame::subscription_error(&channel, refusal));
        if refusal == Refusal::InvalidSignature {
            self.distrust();
        }
    }

    /// pusher-js subscribes to it once it has signed in.
    fn subscribe_as_user(&self, user: &str, channel: &str) {
        let is_own = self
            .server()
            .hub()
            .has_signed_in(&self.membership.socket_id, user);
        if is_own {
            self.queue().push(Frame::subscribed_as_user(channel));
        } else {
            self.complain("this connection has not signed in as this user");
        }
    }

    /// Counts a wrong signature.
    fn distrust(&mut self) {
        self.unauthorised += 1;
        if self.unauthorised >= MAX_UNAUTHORISED {
            self.queue().close(Close::Unauthorised);
        }
    }

    // Not being subscribed is no mistake of the client's: the subscription may have been revoked meanwhile.
    fn unsubscribe(&self, channel: &str) {
        if let Ok(channel) = ChannelName::parse(channel) {
            self.server()
                .hub()
                .unsubscribe(&self.membership.socket_id, &channel);
        }
    }

    fn relay(&mut self, event: &ClientEvent, now: Timestamp) {
        if !self.rate.accept(now) {
            let error = Frame::error(Some(RATE_LIMIT), "Too many client events in a second");
            return self.queue().push(error);
        }
        if let Err(error) = self.try_relay(event) {
            self.complain(&error.to_string());
        }
    }

    fn try_relay(&self, event: &ClientEvent) -> Result<(), ClientEventError> {
        let channel = ChannelName::parse(&event.channel).map_err(|_| ClientEventError::NotSubscribed)?;
        let Membership {
            socket_id, server, ..
        } = &*self.membership;
        let channel = server.options.names.canonical(&channel);
        let speaker = server.hub().speaker(socket_id, &channel)?;
        // The frame is encoded while the hub is not locked.
        let frame = Frame::client_event(&event.name, &channel, &event.data, speaker.member_id.as_deref());
        server.hub().relay(socket_id, &speaker, &channel, &frame)
    }

    fn complain(&self, message: &str) {
        self.queue().push(Frame::error(None, message));
    }

    fn queue(&self) -> &SendQueue {
        &self.membership.queue
    }

    fn server(&self) -> &Server {
        &self.membership.server
    }
}

impl Membership {
    /// Has the hub forget the connection.
    pub(super) fn end(&self) {
        self.server.hub().leave(&self.socket_id);
    }

    fn begin(&self) -> Result<(), Close> {
        let Self {
            socket_id,
            queue,
            server,
        } = self;
        server.hub().enter(socket_id.clone(), queue.clone())?;
        let timeout = server.options.activity_timeout.as_secs();
        queue.push(Frame::connection_established(socket_id, timeout));
        Ok(())
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.end();
    }
}
