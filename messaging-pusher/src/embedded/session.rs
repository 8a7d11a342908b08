//! The protocol state of one connection.

use std::sync::Arc;

use messaging_core::{
    event::{ChannelName, SocketId},
    time::Timestamp,
};

use super::{
    close::Close,
    command::{ClientEvent, Command, SignIn, SubscribeRequest},
    frame::Frame,
    hub::ClientEventError,
    rate_limit::SlidingWindow,
    refusal::Refusal,
    send_queue::SendQueue,
    server::Server,
};

/// The protocol state of one connection: takes messages, and pushes frames into its own queue and, through the hub,
/// into those of other connections. Performs no I/O and reads no clock.
pub(super) struct Session {
    registration: Arc<Registration>,
    client_events: SlidingWindow,
    unauthorised: u32,
}

/// The registration of a connection in the hub. Dropping it unregisters the connection.
pub(super) struct Registration {
    pub(super) socket_id: SocketId,
    pub(super) queue: Arc<SendQueue>,
    server: Arc<Server>,
}

/// Prefix of the channel that pusher-js subscribes to after signing in. Nothing is published there: the messaging API
/// has its own channel for each user.
const SERVER_TO_USER: &str = "#server-to-user-";
/// Number of invalid signatures after which a connection is closed. Clients with an authorisation endpoint never send
/// one, so reaching the limit indicates guessing.
const MAX_UNAUTHORISED: u32 = 50;
/// Error code for too many client events.
const RATE_LIMIT: u16 = 4301;

impl Session {
    /// Registers and greets a connection, or closes it if `admitted` is an error or the hub refuses it.
    pub(super) fn open(server: Arc<Server>, socket_id: SocketId, admitted: Result<(), Close>) -> Self {
        let options = &server.options;
        let client_events = SlidingWindow::new(options.client_events_per_second);
        let registration = Arc::new(Registration {
            socket_id,
            queue: Arc::new(SendQueue::new(options.queue_messages, options.queue_bytes)),
            server,
        });
        if let Err(close) = admitted.and_then(|()| registration.register()) {
            registration.queue.close(close);
        }
        Self {
            registration,
            client_events,
            unauthorised: 0,
        }
    }

    /// Handles a text message. Invalid messages are answered with an error and do not end the session. Ignored once the
    /// connection is closing.
    pub(super) fn receive(&mut self, text: &str, now: Timestamp) {
        if self.queue().is_closed() {
            return;
        }
        if text.len() > self.server().options.max_message_bytes {
            return self.send_error("the message is too long");
        }
        match Command::parse(text) {
            Ok(Command::Ping) => self.queue().push(Frame::pong()),
            Ok(Command::Subscribe(request)) => self.subscribe(&request),
            Ok(Command::Unsubscribe { channel }) => self.unsubscribe(&channel),
            Ok(Command::ClientEvent(event)) => self.relay_client_event(&event, now),
            Ok(Command::SignIn(sign_in)) => self.sign_in(&sign_in),
            Ok(Command::Pong | Command::Unknown) => {}
            Err(error) => self.send_error(&error.to_string()),
        }
    }

    /// Answers a binary message with an error: the protocol has none.
    pub(super) fn receive_binary(&self) {
        self.send_error("binary messages are not supported");
    }

    pub(super) fn registration(&self) -> Arc<Registration> {
        self.registration.clone()
    }

    fn sign_in(&mut self, sign_in: &SignIn) {
        let Registration {
            socket_id,
            server,
            queue,
        } = &*self.registration;
        let Some(user) = server.verifier.verify_sign_in(socket_id, sign_in) else {
            let code = Close::Unauthorised.code();
            queue.push(Frame::error(Some(code), "Invalid signature, or no user"));
            return self.record_unauthorised();
        };
        match server.hub().sign_in(socket_id, user) {
            Ok(()) => queue.push(Frame::signed_in(&sign_in.user_data)),
            Err(error) => self.send_error(&error.to_string()),
        }
    }

    fn subscribe(&mut self, request: &SubscribeRequest) {
        if let Some(user) = request.channel.strip_prefix(SERVER_TO_USER) {
            return self.subscribe_as_user(user, &request.channel);
        }
        // An invalid name is not echoed: it may be as long as a message and contain anything.
        let Ok(channel) = ChannelName::parse(&request.channel) else {
            return self.send_error("invalid channel name");
        };
        let Registration {
            socket_id, server, ..
        } = &*self.registration;
        // The signature is verified before the hub is locked.
        let verified = server.verifier.verify(socket_id, channel.clone(), request);
        let Err(refusal) = verified.and_then(|verified| server.hub().subscribe(socket_id, verified)) else {
            return;
        };
        self.queue().push(Frame::subscription_error(&channel, refusal));
        if refusal == Refusal::InvalidSignature {
            self.record_unauthorised();
        }
    }

    /// Subscribes to the user's server-to-user channel, as pusher-js does after signing in.
    fn subscribe_as_user(&self, user: &str, channel: &str) {
        let is_own = self
            .server()
            .hub()
            .has_signed_in(&self.registration.socket_id, user);
        if is_own {
            self.queue().push(Frame::subscribed_as_user(channel));
        } else {
            self.send_error("this connection has not signed in as this user");
        }
    }

    /// Counts an invalid signature and closes the connection at the limit.
    fn record_unauthorised(&mut self) {
        self.unauthorised += 1;
        if self.unauthorised >= MAX_UNAUTHORISED {
            self.queue().close(Close::Unauthorised);
        }
    }

    // Unsubscribing without a subscription is not an error: it may have been revoked meanwhile.
    fn unsubscribe(&self, channel: &str) {
        if let Ok(channel) = ChannelName::parse(channel) {
            self.server()
                .hub()
                .unsubscribe(&self.registration.socket_id, &channel);
        }
    }

    fn relay_client_event(&mut self, event: &ClientEvent, now: Timestamp) {
        if !self.client_events.accept(now) {
            let error = Frame::error(Some(RATE_LIMIT), "Too many client events in a second");
            return self.queue().push(error);
        }
        if let Err(error) = self.try_relay_client_event(event) {
            self.send_error(&error.to_string());
        }
    }

    fn try_relay_client_event(&self, event: &ClientEvent) -> Result<(), ClientEventError> {
        let channel = ChannelName::parse(&event.channel).map_err(|_| ClientEventError::NotSubscribed)?;
        let Registration {
            socket_id, server, ..
        } = &*self.registration;
        let channel = server.options.names.canonical(&channel);
        let event_sender = server.hub().event_sender(socket_id, &channel)?;
        // The frame is encoded while the hub is not locked.
        let frame = Frame::client_event(
            &event.name,
            &channel,
            &event.data,
            event_sender.member_id.as_deref(),
        );
        server
            .hub()
            .relay_client_event(socket_id, &event_sender, &channel, &frame)
    }

    fn send_error(&self, message: &str) {
        self.queue().push(Frame::error(None, message));
    }

    fn queue(&self) -> &SendQueue {
        &self.registration.queue
    }

    fn server(&self) -> &Server {
        &self.registration.server
    }
}

impl Registration {
    /// Removes the connection from the hub. Idempotent.
    pub(super) fn unregister(&self) {
        self.server.hub().remove_connection(&self.socket_id);
    }

    fn register(&self) -> Result<(), Close> {
        let Self {
            socket_id,
            queue,
            server,
        } = self;
        server.hub().add_connection(socket_id.clone(), queue.clone())?;
        let timeout = server.options.activity_timeout.as_secs();
        queue.push(Frame::connection_established(socket_id, timeout));
        Ok(())
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.unregister();
    }
}
