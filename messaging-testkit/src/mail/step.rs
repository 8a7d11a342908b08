use messaging_core::{domain::side::Side, id::UserId};
use proptest::prelude::*;

use crate::make::{agent_user_id, client_id};

/// The pairs of clients and agencies that have a conversation.
pub(super) const PAIRS: [(u64, u64); 4] = [(1, 1), (1, 2), (2, 1), (2, 2)];

/// The users: two clients, and the agents of two agencies.
pub(super) fn user(nth: usize) -> UserId {
    match nth {
        0 => client_id(1),
        1 => client_id(2),
        2 => agent_user_id(1),
        _ => agent_user_id(2),
    }
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    /// Advances the clock by five minutes so many times, and runs the workers after each.
    Pass(u8),
    /// Sends from a side, or from the system to both.
    Send {
        pair: usize,
        from: Option<Side>,
    },
    /// Reads up to one of the conversation's messages.
    Read {
        pair: usize,
        side: Side,
        upto: u8,
    },
    Presence {
        user: usize,
        online: Option<bool>,
    },
    Wish {
        user: usize,
        wants: bool,
    },
    ServerState(ServerState),
    Directory(bool),
    /// Kills a worker at the given call of the store from now on; that call has no effect.
    Die {
        process: usize,
        call: u8,
    },
    Restart(usize),
}

/// How the mail server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerState {
    Accepts,
    Refuses,
    Unavailable,
    /// Defers every recipient.
    Defers,
    /// Loses its answers, whether or not it has accepted the e-mail.
    LosesAnswers {
        takes: bool,
    },
    /// Kills the sending process before or after accepting the e-mail. Then the server accepts again.
    KillsSender {
        takes: bool,
    },
}

/// Days that were once judged wrongly, and that random steps seldom reach.
pub(super) fn known_days() -> Vec<Vec<Step>> {
    vec![dies_between_record_and_send()]
}

/// A process dies after it has recorded the repetition of an attempt and before it sends it; then the messages of the
/// attempt are read. The recorded repetition counts as an e-mail, because it may have been sent: another message to the
/// user waits for the interval.
fn dies_between_record_and_send() -> Vec<Step> {
    let offline = |user| Step::Presence {
        user,
        online: Some(false),
    };
    // It claims, lists and records; its fourth call would load the messages.
    let die = |process| Step::Die { process, call: 4 };
    let send = |pair| Step::Send {
        pair,
        from: Some(Side::Agent),
    };
    let mut steps: Vec<_> = (0..4).map(offline).collect();
    steps.extend([
        send(0),
        Step::Pass(5),
        Step::ServerState(ServerState::LosesAnswers { takes: false }),
        Step::Pass(1),
        send(1),
        Step::ServerState(ServerState::Accepts),
        // Nothing is sent or recorded meanwhile.
        Step::Directory(false),
        Step::Pass(5),
        Step::Directory(true),
        die(0),
        die(1),
        Step::Pass(1),
        // The other process does not die later.
        Step::Restart(0),
        Step::Restart(1),
        Step::Read {
            pair: 0,
            side: Side::Client,
            upto: 0,
        },
        Step::Pass(12),
    ]);
    steps
}

/// Generates the steps of some days.
pub(super) fn days() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 1..200)
}

fn step() -> impl Strategy<Value = Step> {
    let side = || prop::sample::select(Side::ALL.to_vec());
    let from = prop_oneof![6 => side().prop_map(Some), 1 => Just(None)];
    // Mostly offline, so that users are mailed.
    let online = prop_oneof![4 => Just(Some(false)), 1 => Just(Some(true)), 1 => Just(None)];
    let state = prop_oneof![
        6 => Just(ServerState::Accepts),
        1 => Just(ServerState::Refuses),
        1 => Just(ServerState::Unavailable),
        1 => Just(ServerState::Defers),
        1 => any::<bool>().prop_map(|takes| ServerState::LosesAnswers { takes }),
        2 => any::<bool>().prop_map(|takes| ServerState::KillsSender { takes }),
    ];
    prop_oneof![
        10 => (1..=20_u8).prop_map(Step::Pass),
        10 => (0..4_usize, from).prop_map(|(pair, from)| Step::Send { pair, from }),
        4 => (0..4_usize, side(), any::<u8>()).prop_map(|(pair, side, upto)| Step::Read { pair, side, upto }),
        3 => (0..4_usize, online).prop_map(|(user, online)| Step::Presence { user, online }),
        1 => (0..4_usize, prop::bool::weighted(0.7)).prop_map(|(user, wants)| Step::Wish { user, wants }),
        3 => state.prop_map(Step::ServerState),
        1 => prop::bool::weighted(0.8).prop_map(Step::Directory),
        2 => (0..2_usize, 1..12_u8).prop_map(|(process, call)| Step::Die { process, call }),
        1 => (0..2_usize).prop_map(Step::Restart),
    ]
}
