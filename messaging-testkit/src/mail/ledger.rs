//! A record of all events of a run, and the checks that follow from it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use messaging_core::{
    Timestamp,
    clock::{Clock as _, ManualClock},
    domain::{conversation::Conversation, message::Message, side::Side},
    host::HostError,
    host::presence::Presence,
    id::{ConversationId, DigestId, UserId},
    transport::mailer::Digest,
};
use proptest::{prop_assert, test_runner::TestCaseResult};

use super::{
    deferrals::{Deferrals, Delay, ProcessNumber},
    policy::{POLICY, TICK},
    step::ServerState,
};

/// How long workers lease users.
const LEASE: Duration = Duration::from_mins(5);

pub(super) fn user_of(conversation: &Conversation, side: Side) -> &UserId {
    conversation.user(side)
}

/// The record of all events. Clones share it.
#[derive(Clone)]
pub(super) struct Ledger {
    clock: ManualClock,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    messages: Vec<Message>,
    /// The recipient and text of each unread message.
    unread: HashSet<(UserId, String)>,
    mails: Vec<Mail>,
    /// The texts of each e-mail at its first attempt, by id.
    tried: HashMap<DigestId, HashSet<String>>,
    /// When an e-mail to each user was last attempted, whatever the result.
    last_tried: HashMap<UserId, Timestamp>,
    /// Messages that are never mailed again: refused, or not wanted.
    excused: HashSet<(UserId, String)>,
    /// Messages that may never be mailed again: deferred so often that the last deferral may have been final.
    maybe_excused: HashSet<(UserId, String)>,
    /// The unmailed texts of each user when a process died, since the user's last e-mail: the attempt may have
    /// been recorded.
    maybe_recorded: HashMap<UserId, Vec<HashSet<String>>>,
    /// When an e-mail to each user may have been sent, as far as the processes know: its answer was lost, or a process
    /// died when it may have recorded the attempt. These times count as those of e-mails.
    maybe_sent: HashMap<UserId, HashSet<Timestamp>>,
    online: HashMap<UserId, Option<bool>>,
    unwanted: HashSet<UserId>,
    directory_is_down: bool,
    /// When delivery to each user was last blocked by anything except presence.
    obstructed: HashMap<UserId, Timestamp>,
    all_obstructed: Option<Timestamp>,
    deferrals: Deferrals,
    /// When each user was last not known to be offline.
    seen: HashMap<UserId, Timestamp>,
    faults: Vec<String>,
}

/// An e-mail that was accepted.
struct Mail {
    user_id: UserId,
    id: DigestId,
    at: Timestamp,
    texts: HashSet<String>,
    /// Whether the sending process received the answer.
    is_heard: bool,
}

impl Ledger {
    pub(super) fn new(clock: ManualClock) -> Self {
        Self {
            clock,
            state: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the number of the next message.
    pub(super) fn next(&self) -> u32 {
        u32::try_from(self.lock().messages.len()).unwrap_or(u32::MAX) + 1
    }

    pub(super) fn sent(&self, message: &Message, conversation: &Conversation) {
        let mut state = self.lock();
        for side in Side::ALL {
            if message.origin.addresses(side) {
                let user_id = conversation.user(side).clone();
                state
                    .unread
                    .insert((user_id, message.body.stored_text().to_owned()));
            }
        }
        state.messages.push(message.clone());
    }

    /// Returns one of a conversation's messages.
    pub(super) fn nth_of(&self, id: ConversationId, nth: u8) -> Option<Message> {
        let state = self.lock();
        let own: Vec<_> = state
            .messages
            .iter()
            .filter(|one| one.conversation_id == id)
            .collect();
        let nth = usize::from(nth).checked_rem(own.len())?;
        own.get(nth).map(|message| (*message).clone())
    }

    pub(super) fn read(&self, user_id: &UserId, id: ConversationId, up_to_seq: u64) {
        let mut state = self.lock();
        let covered: Vec<_> = state
            .messages
            .iter()
            .filter(|one| one.conversation_id == id && one.seq <= up_to_seq)
            .map(|one| (user_id.clone(), one.body.stored_text().to_owned()))
            .collect();
        for message in &covered {
            state.unread.remove(message);
        }
    }

    pub(super) fn set_online(&self, user_id: &UserId, online: Option<bool>) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.online.insert(user_id.clone(), online);
        state.seen.insert(user_id.clone(), now);
    }

    pub(super) fn set_wish(&self, user_id: &UserId, wants: bool) {
        let now = self.clock.now();
        let mut state = self.lock();
        if wants {
            state.unwanted.remove(user_id);
        } else {
            state.unwanted.insert(user_id.clone());
        }
        state.obstructed.insert(user_id.clone(), now);
    }

    pub(super) fn set_directory(&self, is_up: bool) {
        self.obstruct();
        self.lock().directory_is_down = !is_up;
    }

    /// Records that delivery to all users is blocked now.
    pub(super) fn obstruct(&self) {
        let now = self.clock.now();
        self.lock().all_obstructed = Some(now);
    }

    /// Records that a process died while it was mailing.
    pub(super) fn died(&self) {
        let now = self.clock.now();
        self.obstruct();
        let mut state = self.lock();
        let users: HashSet<_> = state.unread.iter().map(|(user_id, _)| user_id.clone()).collect();
        for user_id in users {
            let then = state.to_mail(&user_id);
            if !then.is_empty() {
                let times = state.maybe_sent.entry(user_id.clone()).or_default();
                times.insert(now);
            }
            state.maybe_recorded.entry(user_id).or_default().push(then);
        }
    }

    /// Checks that this e-mail may be sent to this user now.
    pub(super) fn tried(&self, digest: &Digest) {
        let now = self.clock.now();
        let (policy, user_id, texts) = (POLICY(), &digest.user_id, texts_of(digest));
        let mut state = self.lock();
        let mut faults = Vec::new();
        let mut expect = |is_so: bool, what: &str| {
            if !is_so {
                faults.push(format!("{what}: {user_id} at {now}, {texts:?}"));
            }
        };
        let is_unread = |text: &String| state.unread.contains(&(user_id.clone(), text.clone()));
        expect(texts.iter().all(is_unread), "mailed a message that was read");
        expect(
            digest.messages == texts.len() as u64,
            "the count of messages is wrong",
        );
        let mut ages = state
            .messages
            .iter()
            .filter(|one| texts.contains(one.body.stored_text()));
        let oldest = ages.by_ref().map(|one| one.created_at).min().unwrap_or(now);
        expect(now.since(oldest) >= policy.delay, "mailed too early");
        let is_away = state.online.get(user_id) == Some(&Some(false));
        expect(
            is_away || now.since(oldest) >= policy.online_delay,
            "mailed a user who is online",
        );
        expect(
            !state.unwanted.contains(user_id),
            "mailed a user who does not want e-mail",
        );

        let own: Vec<_> = state
            .mails
            .iter()
            .filter(|mail| mail.user_id == *user_id)
            .collect();
        let others = || own.iter().filter(|mail| mail.id != digest.id);
        let is_new = others().all(|mail| mail.texts.is_disjoint(&texts));
        expect(is_new, "mailed twice");
        let is_spaced = others().all(|mail| now.since(mail.at) >= policy.interval);
        expect(is_spaced, "mailed again too soon");
        let a_day = others().filter(|mail| now.since(mail.at) < Duration::from_hours(24));
        let a_day: HashSet<_> = a_day.map(|mail| mail.id).collect();
        expect(a_day.len() < policy.a_day as usize, "mailed too often");
        let is_heard = own.iter().any(|mail| mail.id == digest.id && mail.is_heard);
        expect(
            !is_heard || state.all_obstructed == Some(now) || state.is_dying(now),
            "sent an attempt other than the recorded one",
        );

        if let Some(first) = state.tried.get(&digest.id) {
            expect(texts.is_subset(first), "a repeated e-mail contains more messages");
        } else {
            let all = state.to_mail(user_id);
            let is_known =
                |text: &&String| !state.maybe_excused.contains(&(user_id.clone(), (*text).clone()));
            let is = |expected: &HashSet<String>| {
                let differ = texts.symmetric_difference(expected);
                !differ.into_iter().any(|text| is_known(&text))
            };
            // A process may have died after recording these texts and before sending them.
            let recorded = state.maybe_recorded.get(user_id).into_iter().flatten();
            let mut recorded = recorded.map(|then| then.intersection(&all).cloned().collect());
            let has_all = is(&all) || state.is_dying(now) || recorded.any(|then| is(&then));
            expect(
                has_all && texts.is_subset(&all),
                &format!("one e-mail has to contain all of {all:?}"),
            );
            state.tried.insert(digest.id, texts.clone());
        }
        state.faults.extend(faults);
        state.last_tried.insert(user_id.clone(), now);
    }

    /// Records an accepted e-mail whose answer the process received.
    pub(super) fn heard(&self, digest: &Digest, process: ProcessNumber) {
        let mut state = self.lock();
        state.deferrals.heard(&digest.user_id, process);
        state.maybe_recorded.remove(&digest.user_id);
        state.mails.push(self.mail(digest, true));
    }

    /// Records an accepted e-mail whose answer no process received.
    pub(super) fn unheard(&self, digest: &Digest) {
        self.lock().mails.push(self.mail(digest, false));
    }

    fn mail(&self, digest: &Digest, is_heard: bool) -> Mail {
        Mail {
            user_id: digest.user_id.clone(),
            id: digest.id,
            at: self.clock.now(),
            texts: texts_of(digest),
            is_heard,
        }
    }

    /// Records a deferral: the pause grows each time, and after the last one the messages count as mailed.
    pub(super) fn delayed(&self, digest: &Digest, process: ProcessNumber, delay: Delay) {
        let now = self.clock.now();
        let mut state = self.lock();
        let counted = state.deferrals.delayed(&digest.user_id, process, delay, now);
        if delay == Delay::Lost {
            let times = state.maybe_sent.entry(digest.user_id.clone()).or_default();
            times.insert(now);
        }
        if counted >= POLICY().deferrals {
            state.maybe_excused.extend(messages_of(digest));
        }
    }

    pub(super) fn refused(&self, digest: &Digest) {
        self.lock().excused.extend(messages_of(digest));
    }

    /// Checks all users after a run of the workers.
    pub(super) fn check(&self, conversations: &[Conversation], server: ServerState) -> TestCaseResult {
        let now = self.clock.now();
        let mut state = self.lock();
        if server != ServerState::Accepts || state.directory_is_down {
            state.all_obstructed = Some(now);
        }
        for conversation in conversations {
            for side in Side::ALL {
                state.check_side(conversation, side, now);
            }
        }
        prop_assert!(state.faults.is_empty(), "{:#?}", state.faults);
        Ok(())
    }
}

impl State {
    /// Returns a user's messages to mail: unread, not yet mailed, and not excused.
    fn to_mail(&self, user_id: &UserId) -> HashSet<String> {
        let own = self.mails.iter().filter(|mail| mail.user_id == *user_id);
        let mailed: HashSet<_> = own.flat_map(|mail| mail.texts.iter()).collect();
        let is_to_mail = |message: &&(UserId, String)| {
            message.0 == *user_id && !mailed.contains(&message.1) && !self.excused.contains(*message)
        };
        let messages = self.unread.iter().filter(is_to_mail);
        messages.map(|(_, text)| text.clone()).collect()
    }

    /// Whether a lease of a process that may have died has just ended.
    fn is_dying(&self, now: Timestamp) -> bool {
        self.all_obstructed
            .is_some_and(|at| now.since(at) <= LEASE + TICK)
    }

    fn check_side(&mut self, conversation: &Conversation, side: Side, now: Timestamp) {
        let (policy, user_id) = (POLICY(), conversation.user(side).clone());
        let mark = conversation.digests.of(side);
        let is_away = self.online.get(&user_id) == Some(&Some(false));
        if !is_away {
            self.seen.insert(user_id.clone(), now);
        }
        let is_unwanted = self.unwanted.contains(&user_id);
        if is_unwanted {
            self.obstructed.insert(user_id.clone(), now);
        }
        let maybe_sent = self.maybe_sent.get(&user_id).cloned().unwrap_or_default();
        let last_tried = self.last_tried.get(&user_id).into_iter().chain(&maybe_sent);
        let last_tried = last_tried.max().copied();
        let own: Vec<_> = self
            .messages
            .iter()
            .filter(|one| one.conversation_id == conversation.id && one.origin.addresses(side))
            .map(|one| {
                (
                    one.body.stored_text().to_owned(),
                    *one.positions.of(side),
                    one.created_at,
                )
            })
            .collect();
        for (text, position, sent_at) in own {
            let message = (user_id.clone(), text.clone());
            if !self.unread.contains(&message) {
                continue;
            }
            let counts_as_mailed = position <= mark.mailed;
            let was_tried = self
                .mails
                .iter()
                .any(|mail| mail.user_id == user_id && mail.texts.contains(&text));
            if counts_as_mailed && is_unwanted {
                self.excused.insert(message);
            } else if counts_as_mailed
                && !was_tried
                && !self.excused.contains(&message)
                && !self.maybe_excused.contains(&message)
            {
                self.faults.push(format!(
                    "{text} counts as mailed to {user_id}, but was never mailed"
                ));
            } else if !counts_as_mailed {
                let obstructed = [self.all_obstructed, self.obstructed.get(&user_id).copied()];
                let obstructed = obstructed
                    .into_iter()
                    .flatten()
                    .max()
                    .map(|at| at + LEASE + policy.look_again);
                let seen = self.seen.get(&user_id).map(|at| *at + policy.look_again);
                let when_away = seen.map_or(sent_at + policy.delay, |seen| seen.max(sent_at + policy.delay));
                let at_last = when_away.min(sent_at + policy.online_delay);
                let deferred = self.deferrals.until(&user_id);
                let free = [obstructed, deferred, last_tried.map(|at| at + policy.interval)];
                let free = free
                    .into_iter()
                    .flatten()
                    .max()
                    .map_or(at_last, |free| free.max(at_last));
                let a_day = Duration::from_hours(24) + TICK;
                let own = self.mails.iter().filter(|mail| mail.user_id == user_id);
                let counted = own.map(|mail| mail.at).chain(maybe_sent.iter().copied());
                let today: HashSet<_> = counted.filter(|at| now.since(*at) < a_day).collect();
                if now > free + 2 * TICK && today.len() < policy.a_day as usize {
                    let late = format!(
                        "{text} of {sent_at} was not mailed to {user_id}, which was possible at {free}"
                    );
                    self.faults.push(format!("{late}: it is {now}"));
                }
            }
        }
    }
}

fn texts_of(digest: &Digest) -> HashSet<String> {
    let messages = digest.conversations.iter().flat_map(|one| &one.first);
    messages.map(|message| message.text.as_str().to_owned()).collect()
}

fn messages_of(digest: &Digest) -> impl Iterator<Item = (UserId, String)> {
    let user_id = digest.user_id.clone();
    texts_of(digest)
        .into_iter()
        .map(move |text| (user_id.clone(), text))
}

/// The presence port, answered from the ledger.
pub(super) struct Away(pub(super) Ledger);

#[async_trait]
impl Presence for Away {
    async fn online(&self, users: &[UserId]) -> Result<HashMap<UserId, bool>, HostError> {
        let state = self.0.lock();
        let known = |id: &UserId| Some((id.clone(), (*state.online.get(id)?)?));
        Ok(users.iter().filter_map(known).collect())
    }
}
