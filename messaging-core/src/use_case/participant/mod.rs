//! What participants do; and what an admin does on the same routes: list, see, read, count.
//!
//! Each use case names its actor. An admin who takes no part is audited, and refused where the store keeps no audit log.

mod authorize;
mod block;
mod find;
mod history;
mod list;
mod mark_read;
mod open;
mod push_token;
mod report;
mod send;
mod typing;
mod view;

pub use authorize::Authorized;
pub use history::{History, HistoryFrom, HistoryRequest, MarkOnRead};
pub use list::{ConversationList, ListFrom, ListRequest};
pub use mark_read::ReadState;
pub use open::{OpenConversation, OpenedConversation};
pub use report::{NewReport, Reported};
pub use send::{SendMessage, Sent};
pub use view::{ConversationDetails, ConversationView, MessageView};

pub(super) use send::{Done, SENDING, same_text};
pub(super) use view::Viewer;
