//! The use cases over HTTP: each parses its input, calls the core and builds the response.

pub(crate) mod activity;
pub(crate) mod audit;
pub(crate) mod channel_auth;
pub(crate) mod conversation;
pub(crate) mod conversations;
pub(crate) mod document;
pub(crate) mod history;
pub(crate) mod push_token;
pub(crate) mod reading;
pub(crate) mod reports;
pub(crate) mod send;
pub(crate) mod typing;
pub(crate) mod user_auth;
pub(crate) mod webhooks;

use messaging_core::store::Capability;

/// One of the routes: a method of a path, relative to the host's mount point.
/// [`HttpOptions::without`](crate::HttpOptions::without) leaves it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Route {
    /// GET `/messages/conversations`
    ListConversations,
    /// POST `/messages/conversations`
    OpenConversation,
    /// GET `/messages/conversations/{id}`
    FindConversation,
    /// PUT `/messages/conversations/{id}/block`
    Block,
    /// DELETE `/messages/conversations/{id}/block`
    Unblock,
    /// POST `/messages/conversations/{id}/reports`
    Report,
    /// GET `/messages`
    ReadHistory,
    /// POST `/messages`
    SendMessage,
    /// GET `/messages/unread`
    CountUnread,
    /// POST `/messages/read`
    MarkRead,
    /// POST `/messages/typing`
    SetTyping,
    /// POST `/pusher/auth`
    AuthorizeChannel,
    /// POST `/pusher/user-auth`
    AuthenticateUser,
    /// GET `/pusher/beams-auth`
    PushToken,
    /// POST `/pusher/webhooks`
    ReceiveWebhook,
    /// PUT `/messages/admin/conversations/{id}/close`
    Close,
    /// DELETE `/messages/admin/conversations/{id}/close`
    Reopen,
    /// GET `/messages/admin/activity`
    CountActivity,
    /// GET `/messages/admin/audit`
    ReadAudit,
    /// GET `/messages/admin/reports`
    ListReports,
    /// GET `/messages/admin/reports/{id}`
    FindReport,
    /// POST `/messages/admin/reports/{id}/resolve`
    ResolveReport,
    /// POST `/messages/admin/reports/{id}/dismiss`
    DismissReport,
    /// GET `/messages/openapi.json`
    Document,
}

impl Route {
    /// All routes.
    pub const ALL: &[Self] = &[
        Self::ListConversations,
        Self::OpenConversation,
        Self::FindConversation,
        Self::Block,
        Self::Unblock,
        Self::Report,
        Self::ReadHistory,
        Self::SendMessage,
        Self::CountUnread,
        Self::MarkRead,
        Self::SetTyping,
        Self::AuthorizeChannel,
        Self::AuthenticateUser,
        Self::PushToken,
        Self::ReceiveWebhook,
        Self::Close,
        Self::Reopen,
        Self::CountActivity,
        Self::ReadAudit,
        Self::ListReports,
        Self::FindReport,
        Self::ResolveReport,
        Self::DismissReport,
        Self::Document,
    ];

    /// The capabilities of the store without which the route is not mounted: those that its use case requires.
    pub const fn required_capabilities(self) -> &'static [Capability] {
        match self {
            Self::Report => &[Capability::Moderation],
            Self::PushToken => &[Capability::Push],
            // What an admin does is recorded first.
            Self::Close | Self::Reopen | Self::ReadAudit => &[Capability::Audit],
            Self::CountActivity => &[Capability::Audit, Capability::Activity],
            Self::ListReports | Self::FindReport | Self::ResolveReport | Self::DismissReport => {
                &[Capability::Audit, Capability::Moderation]
            }
            Self::ListConversations
            | Self::OpenConversation
            | Self::FindConversation
            | Self::Block
            | Self::Unblock
            | Self::ReadHistory
            | Self::SendMessage
            | Self::CountUnread
            | Self::MarkRead
            | Self::SetTyping
            | Self::AuthorizeChannel
            | Self::AuthenticateUser
            | Self::ReceiveWebhook
            | Self::Document => &[],
        }
    }
}

/// A set of routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct RouteSet(u32);

impl RouteSet {
    pub(crate) fn with(self, route: Route) -> Self {
        Self(self.0 | Self::bit(route))
    }

    pub(crate) fn contains(self, route: Route) -> bool {
        self.0 & Self::bit(route) != 0
    }

    fn bit(route: Route) -> u32 {
        1 << route as u32
    }
}
