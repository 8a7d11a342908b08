//! The access policy as a table: every actor, every action, every state of a conversation. A change of
//! permissions shows in the snapshot of this file.

use std::fmt::Write as _;

use messaging_core::{
    Actor, AgentId, ConversationId, Role, Side, Timestamp, UserId,
    domain::{change::Change, conversation::Conversation, opening::PreparedOpen, report::Report},
    id::ReportId,
    policy::{Action, Decision, Refusal, Standing, decide},
};
use uuid::Uuid;

fn user(id: &str) -> UserId {
    UserId::parse(id).unwrap()
}

fn agent_role(id: &str) -> Role {
    Role::Agent {
        agent_id: AgentId::parse(id).unwrap(),
    }
}

fn conversation(changes: &[Change]) -> Conversation {
    let mut conversation = Conversation::new(&PreparedOpen::new(
        ConversationId::new(Uuid::nil()),
        user("carl"),
        AgentId::parse("alpine").unwrap(),
        user("ada"),
        Timestamp::EPOCH,
    ));
    for change in changes {
        assert!(conversation.apply(change));
    }
    conversation
}

fn report_by_carl() -> Report {
    Report::new(
        ReportId::new(Uuid::nil()),
        ConversationId::new(Uuid::nil()),
        user("carl"),
        Side::Client,
        user("ada"),
        Timestamp::EPOCH,
    )
}

fn cell(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow(Standing::Participant(Side::Client)) => "as client",
        Decision::Allow(Standing::Participant(Side::Agent)) => "as agent",
        Decision::Allow(Standing::Oneself) => "oneself",
        Decision::Allow(Standing::Audited) => "audited",
        Decision::Refuse(Refusal::NotFound) => "not found",
        Decision::Refuse(Refusal::Forbidden) => "forbidden",
        Decision::Refuse(Refusal::Blocked) => "blocked",
        Decision::Refuse(Refusal::Closed) => "closed",
    }
}

#[test]
fn the_policy_is_this_table() {
    let ada = user("ada");
    let carl = user("carl");
    let actors = [
        ("the client", Actor::new(carl.clone(), Role::Client)),
        (
            "the client, in an agent's role",
            Actor::new(carl.clone(), agent_role("other")),
        ),
        ("the client, as admin", Actor::new(carl.clone(), Role::Admin)),
        ("the agent's user", Actor::new(ada.clone(), agent_role("alpine"))),
        (
            "the agent's user, for another agent",
            Actor::new(ada.clone(), agent_role("other")),
        ),
        (
            "the agent's user, in a client's role",
            Actor::new(ada.clone(), Role::Client),
        ),
        ("the agent's user, as admin", Actor::new(ada.clone(), Role::Admin)),
        (
            "another user of the agent",
            Actor::new(user("mallory"), agent_role("alpine")),
        ),
        ("another client", Actor::new(user("mallory"), Role::Client)),
        ("an admin", Actor::new(user("root"), Role::Admin)),
    ];
    let blocked = |side| Change::Block(side);
    let states = [
        ("none", None),
        ("open", Some(conversation(&[]))),
        ("blocked by client", Some(conversation(&[blocked(Side::Client)]))),
        ("blocked by agent", Some(conversation(&[blocked(Side::Agent)]))),
        (
            "blocked by both",
            Some(conversation(&[blocked(Side::Client), blocked(Side::Agent)])),
        ),
        ("closed", Some(conversation(&[Change::Close]))),
        (
            "closed and blocked",
            Some(conversation(&[Change::Close, blocked(Side::Client)])),
        ),
    ];
    let report = report_by_carl();
    let actions = [
        (
            "open with ada's agent",
            Action::Open {
                agent_user_id: Some(&ada),
            },
        ),
        ("see", Action::See),
        ("read history", Action::ReadHistory),
        ("send", Action::Send),
        ("mark read", Action::MarkRead),
        ("typing", Action::Typing),
        ("block", Action::Block),
        ("unblock", Action::Unblock),
        ("report", Action::Report),
        ("list reports", Action::Moderate(None)),
        ("resolve carl's report", Action::Moderate(Some(&report))),
        ("read the audit log", Action::ReadAudit),
        ("read activity", Action::ReadActivity),
        ("close", Action::Close),
        ("reopen", Action::Reopen),
        ("subscribe", Action::Subscribe),
        ("subscribe presence", Action::SubscribePresence),
        ("subscribe to carl's channel", Action::SubscribeUser(&carl)),
    ];
    let mut table = String::new();
    for (actor_name, actor) in &actors {
        writeln!(table, "{actor_name}").unwrap();
        write!(table, "  {:28}", "").unwrap();
        for (name, _) in &states {
            write!(table, "{name:20}").unwrap();
        }
        for (action_name, action) in actions {
            write!(table, "\n  {action_name:28}").unwrap();
            for (_, on) in &states {
                write!(table, "{:20}", cell(decide(actor, action, on.as_ref()))).unwrap();
            }
        }
        table.push_str("\n\n");
    }
    let table: Vec<_> = table.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(table.join("\n"));
}

#[test]
fn to_an_outsider_an_existing_conversation_looks_like_a_missing_one() {
    let there = conversation(&[]);
    let carl = user("carl");
    for stranger in [
        Actor::new(user("mallory"), Role::Client),
        Actor::new(user("mallory"), agent_role("alpine")),
        Actor::new(user("mallory"), agent_role("other")),
    ] {
        for action in [
            Action::See,
            Action::ReadHistory,
            Action::Send,
            Action::MarkRead,
            Action::Typing,
            Action::Block,
            Action::Unblock,
            Action::Report,
            Action::Moderate(None),
            Action::ReadAudit,
            Action::ReadActivity,
            Action::Close,
            Action::Reopen,
            Action::Subscribe,
            Action::SubscribePresence,
            Action::SubscribeUser(&carl),
        ] {
            let refused = decide(&stranger, action, Some(&there));
            assert!(matches!(refused, Decision::Refuse(_)), "{action:?}");
            assert_eq!(refused, decide(&stranger, action, None), "{action:?}");
        }
    }
}
