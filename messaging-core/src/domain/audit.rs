//! What the audit log tells of an admin.

/// What an admin did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditedAction {
    /// Listed conversations.
    List,
    /// Looked at a conversation.
    See,
    /// Read messages.
    ReadHistory,
    /// Closed a conversation.
    Close,
    /// Reopened a conversation.
    Reopen,
    /// Listed reports.
    ListReports,
    /// Looked at a report and its evidence.
    SeeReport,
    /// Resolved a report.
    ResolveReport,
    /// Dismissed a report.
    DismissReport,
    /// Read this log.
    ReadAudit,
    /// Read how much goes on.
    ReadActivity,
}

impl AuditedAction {
    /// Every action.
    pub const ALL: [Self; 11] = [
        Self::List,
        Self::See,
        Self::ReadHistory,
        Self::Close,
        Self::Reopen,
        Self::ListReports,
        Self::SeeReport,
        Self::ResolveReport,
        Self::DismissReport,
        Self::ReadAudit,
        Self::ReadActivity,
    ];

    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::See => "see",
            Self::ReadHistory => "read_history",
            Self::Close => "close",
            Self::Reopen => "reopen",
            Self::ListReports => "list_reports",
            Self::SeeReport => "see_report",
            Self::ResolveReport => "resolve_report",
            Self::DismissReport => "dismiss_report",
            Self::ReadAudit => "read_audit",
            Self::ReadActivity => "read_activity",
        }
    }

    /// The action of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}
