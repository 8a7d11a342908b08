//! The actions of admins that the audit log records.

/// An action of an admin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum AuditedAction {
    /// Listed conversations.
    List,
    /// Viewed a conversation.
    See,
    /// Read messages.
    ReadHistory,
    /// Closed a conversation.
    Close,
    /// Reopened a conversation.
    Reopen,
    /// Listed reports.
    ListReports,
    /// Viewed a report and its evidence.
    SeeReport,
    /// Resolved a report.
    ResolveReport,
    /// Dismissed a report.
    DismissReport,
    /// Read the audit log.
    ReadAudit,
    /// Read the activity.
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

    /// The action's stable name.
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

    /// The action with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == name)
    }
}
