//! The suite can fail: each of these stores is broken in one way, and some case of the topic notices.

mod activity;
mod broken;
mod conversations;
mod digests;
mod erasure;
mod moderation;
mod outbox;
mod recount;

use std::{
    future::ready,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use messaging_core::memory::MemoryStore;
use messaging_testkit::{Backend, BoxFuture, Fresh, cases};
use tokio::runtime::Runtime;

use self::broken::{Broken, Fault};

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads can be started"));

/// Makes stores with a fault, or (`None`) whole ones.
struct Stores(Option<Fault>);

impl Backend for Stores {
    fn run(&self, future: BoxFuture<'_, ()>) {
        RUNTIME.block_on(future);
    }

    fn fresh(&self) -> BoxFuture<'_, Fresh> {
        Box::pin(ready(match self.0 {
            Some(fault) => Fresh::new(Broken::by(fault), ()),
            None => Fresh::new(MemoryStore::new(), ()),
        }))
    }
}

fn fails(check: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(check)).is_err()
}

fn check(topic: &str, fault: Fault) {
    let mut of_topic = cases().into_iter().filter(|case| case.topic == topic);
    let noticed = of_topic.any(|case| {
        let notices = fails(|| case.run(&Stores(Some(fault))));
        notices && !fails(|| case.run(&Stores(None)))
    });
    assert!(noticed, "no case of `{topic}` notices {fault:?}");
}

macro_rules! the_suite_notices_a_store_that {
    ($($name:ident: $topic:ident notices $fault:ident;)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($topic), Fault::$fault);
        })*
    };
}

the_suite_notices_a_store_that! {
    creates_twice: opening notices CreatesTwice;
    gives_its_lane_away: opening notices GivesItsLaneAway;
    lists_oldest_booking_first: opening notices ListsOldestBookingFirst;
    loses_the_access_version_check: appending notices LosesTheGuardCheck;
    takes_times_as_they_come: appending notices TakesTimesAsTheyCome;
    forgets_keys: keys notices ForgetsKeys;
    shares_keys_among_senders: keys notices SharesKeysAmongSenders;
    counts_ones_own_messages: reading notices CountsOnesOwnMessages;
    knows_every_message: reading notices KnowsEveryMessage;
    forgets_when_it_was_read: reading notices ForgetsWhenItWasRead;
    rewrites_read_times: receipts notices RewritesReadTimes;
    changes_what_is_so: changing notices ChangesWhatIsSo;
    keeps_its_access_version: changing notices KeepsItsAccessVersion;
    breaks_ties_the_other_way: listing notices BreaksTiesTheOtherWay;
    ignores_the_cap: scopes notices IgnoresTheCap;
    counts_unread_twice: scopes notices CountsUnreadTwice;
    skips_a_message_between_pages: history notices SkipsAMessageBetweenPages;
    sees_more_behind_a_full_page: history notices SeesMoreBehindAFullPage;
    skips_a_conversation_between_pages: walking notices SkipsAConversationBetweenPages;
    lets_two_workers_claim_one_lane: claiming notices LetsTwoWorkersClaimOneLane;
    takes_over_too_late: claiming notices TakesOverTooLate;
    claims_more_than_asked: claiming notices ClaimsMoreThanAsked;
    passes_over_too_much: claiming notices PassesOverTooMuch;
    acknowledges_too_much: acknowledging notices AcknowledgesTooMuch;
    leaves_the_owner_in_the_dark: acknowledging notices LeavesTheOwnerInTheDark;
    never_lets_go: delaying notices NeverLetsGo;
    forgets_an_entry: loading notices ForgetsAnEntry;
    lists_too_few_read_ids: loading notices ListsTooFewReadIds;
    numbers_openings_wrong: numbering notices NumbersOpeningsWrong;
    numbers_sends_wrong: numbering notices NumbersSendsWrong;
    numbers_reads_wrong: numbering notices NumbersReadsWrong;
    numbers_changes_wrong: numbering notices NumbersChangesWrong;
    numbers_requeues_wrong: numbering notices NumbersRequeuesWrong;
    drops_extras: extras notices DropsExtras;
    makes_no_dead_letter: refusing notices MakesNoDeadLetter;
    requeues_nothing: requeueing notices RequeuesNothing;
    requeues_for_anyone: requeueing notices RequeuesForAnyone;
    requeues_as_of_later: requeueing notices RequeuesAsOfLater;
    requeues_what_is_not_there: requeueing notices RequeuesWhatIsNotThere;
    keeps_aside_what_it_requeues: requeueing notices KeepsAsideWhatItRequeues;
    loses_what_it_requeues: requeueing notices LosesWhatItRequeues;
    closes_where_it_requeues: requeueing notices ClosesWhereItRequeues;
    lists_dead_letters_again: refusing notices ListsDeadLettersAgain;
    skips_one_dead_letter: refusing notices SkipsOneDeadLetter;
    forgets_the_oldest: waiting notices ForgetsTheOldest;
    reports_a_later_due_time: waiting notices ReportsALaterDueTime;
    probes_by_opening: waiting notices ProbesByOpening;
    reports_messages_of_others: reporting notices ReportsMessagesOfOthers;
    says_that_it_opened: reporting notices SaysThatItOpened;
    lists_reports_to_those_concerned: reporting notices ListsReportsToThoseConcerned;
    lists_reports_however_they_stand: reporting notices ListsReportsHoweverTheyStand;
    copies_too_little: reporting notices CopiesTooLittle;
    forgets_what_was_said_first: reporting notices ForgetsWhatWasSaidFirst;
    settles_again: reporting notices SettlesAgain;
    unlinks_the_newest: unlinking notices UnlinksTheNewest;
    keeps_its_access_version_where_bookings_change: unlinking notices KeepsItsAccessVersion;
    takes_what_does_not_fit: reporting notices TakesWhatDoesNotFit;
    counts_all_agents: counting notices CountsAllAgents;
    counts_users_by_messages: counting notices CountsUsersByMessages;
    says_the_median_twice: counting notices SaysTheMedianTwice;
    counts_a_bucket_late: counting notices CountsABucketLate;
    overlooks_a_trace: erasing notices OverlooksATrace;
    keeps_what_reporters_said: erasing_reports notices KeepsWhatReportersSaid;
    erases_nothing: erasing notices ErasesNothing;
    remembers_when_it_mailed: erasing_digests notices RemembersWhenItMailed;
    lists_oldest_access_first: auditing notices ListsOldestAccessFirst;
    tallies_anything: verifying notices TalliesAnything;
    tallies_all_again: verifying notices TalliesAllAgain;
    counts_what_is_for_the_other: verifying notices CountsWhatIsForTheOther;
    counts_all_as_read: verifying notices CountsAllAsRead;
    misses_what_waits: verifying notices MissesWhatWaits;
    tears_tallies_apart: verifying notices TearsTalliesApart;
    claims_users_twice: due notices ClaimsUsersTwice;
    forgets_what_is_tried: mailing notices ForgetsWhatIsTried;
    marks_nothing_mailed: mailing notices MarksNothingMailed;
    marks_too_much_mailed: mailing notices MarksTooMuchMailed;
    marks_others_mailed: mailing notices MarksOthersMailed;
    holds_nobody_back: mailing notices HoldsNobodyBack;
    forgets_when_it_mailed: mailing notices ForgetsWhenItMailed;
    shows_beyond_the_extent: mailing notices ShowsBeyondTheExtent;
    pushes_again: pushing notices PushesAgain;
    forgets_deferrals: mailing notices ForgetsDeferrals;
    lists_the_same_page_again: walking notices ListsTheSamePageAgain;
    loads_nothing: loading notices LoadsNothing;
    acknowledges_nothing: acknowledging notices AcknowledgesNothing;
    looks_for_traces_for_ever: erasing notices LooksForTracesForEver;
}

macro_rules! the_model_notices_a_store_that {
    ($($name:ident: $fault:ident;)*) => {
        mod model {
            $(#[test]
            fn $name() {
                let stores = super::Stores(Some(super::Fault::$fault));
                // A run that happens to take no step in which it shows is rare; ten of them do not happen.
                let mut runs = 0..10;
                assert!(runs.any(|_| super::fails(|| messaging_testkit::compare_with_model(&stores))));
            })*
        }
    };
}

the_model_notices_a_store_that! {
    forgets_keys: ForgetsKeys;
    loses_the_access_version_check: LosesTheGuardCheck;
    unlinks_the_newest: UnlinksTheNewest;
    lets_two_workers_claim_one_lane: LetsTwoWorkersClaimOneLane;
    keeps_aside_what_it_requeues: KeepsAsideWhatItRequeues;
    loses_what_it_requeues: LosesWhatItRequeues;
    rewrites_read_times: RewritesReadTimes;
    acknowledges_too_much: AcknowledgesTooMuch;
    skips_a_message_between_pages: SkipsAMessageBetweenPages;
    skips_one_dead_letter: SkipsOneDeadLetter;
    lists_the_same_page_again: ListsTheSamePageAgain;
    loads_nothing: LoadsNothing;
    acknowledges_nothing: AcknowledgesNothing;
}

macro_rules! the_recount_after_a_storm_notices_a_store_that {
    ($($name:ident: $fault:ident;)*) => {
        mod storm {
            $(#[test]
            fn $name() {
                let stores = super::Stores(Some(super::Fault::$fault));
                assert!(super::fails(|| messaging_testkit::storm(&stores)));
            })*
        }
    };
}

the_recount_after_a_storm_notices_a_store_that! {
    counts_ones_own_messages: CountsOnesOwnMessages;
    counts_unread_twice: CountsUnreadTwice;
    forgets_an_entry: ForgetsAnEntry;
    forgets_keys: ForgetsKeys;
    keeps_aside_what_it_requeues: KeepsAsideWhatItRequeues;
    loses_what_it_requeues: LosesWhatItRequeues;
    rewrites_read_times: RewritesReadTimes;
    acknowledges_too_much: AcknowledgesTooMuch;
    // Whose loops have no end of their own.
    lists_the_same_page_again: ListsTheSamePageAgain;
    loads_nothing: LoadsNothing;
    acknowledges_nothing: AcknowledgesNothing;
}

macro_rules! days_of_mail_notice_a_store_that {
    ($($name:ident: $fault:ident;)*) => {
        mod days {
            $(#[test]
            fn $name() {
                let stores = super::Stores(Some(super::Fault::$fault));
                // As above: what shows seldom in one run shows in one of ten.
                let mut runs = 0..10;
                assert!(runs.any(|_| super::fails(|| messaging_testkit::days_of_mail(&stores))));
            })*
        }
    };
}

days_of_mail_notice_a_store_that! {
    forgets_what_is_tried: ForgetsWhatIsTried;
    marks_nothing_mailed: MarksNothingMailed;
    marks_too_much_mailed: MarksTooMuchMailed;
    forgets_when_it_mailed: ForgetsWhenItMailed;
    shows_beyond_the_extent: ShowsBeyondTheExtent;
}
