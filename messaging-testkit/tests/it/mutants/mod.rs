//! Mutation tests of the suite: each of these stores has one fault, and a case of the topic detects it.

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

/// Creates stores with a fault, or correct ones (`None`).
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
    assert!(noticed, "no case of `{topic}` detects {fault:?}");
}

macro_rules! the_suite_detects_a_store_that {
    ($($name:ident: $topic:ident detects $fault:ident;)*) => {
        $(#[test]
        fn $name() {
            check(stringify!($topic), Fault::$fault);
        })*
    };
}

the_suite_detects_a_store_that! {
    creates_twice: opening detects CreatesTwice;
    loses_the_created_lane: opening detects LosesTheCreatedLane;
    lists_oldest_booking_first: opening detects ListsOldestBookingFirst;
    skips_the_access_version_check: appending detects SkipsTheAccessVersionCheck;
    stores_decreasing_times: appending detects StoresDecreasingTimes;
    forgets_keys: keys detects ForgetsKeys;
    shares_keys_among_senders: keys detects SharesKeysAmongSenders;
    counts_own_messages: reading detects CountsOwnMessages;
    accepts_unknown_messages: reading detects AcceptsUnknownMessages;
    omits_the_read_time: reading detects OmitsTheReadTime;
    rewrites_read_times: receipts detects RewritesReadTimes;
    repeats_changes: changing detects RepeatsChanges;
    does_not_raise_the_access_version: changing detects DoesNotRaiseTheAccessVersion;
    orders_equal_times_by_smaller_id: listing detects OrdersEqualTimesBySmallerId;
    ignores_the_cap: scopes detects IgnoresTheCap;
    counts_unread_twice: scopes detects CountsUnreadTwice;
    skips_a_message_between_pages: history detects SkipsAMessageBetweenPages;
    reports_more_after_the_last_page: history detects ReportsMoreAfterTheLastPage;
    skips_a_conversation_between_pages: walking detects SkipsAConversationBetweenPages;
    lets_two_workers_claim_one_lane: claiming detects LetsTwoWorkersClaimOneLane;
    extends_leases: claiming detects ExtendsLeases;
    ignores_the_claim_limit: claiming detects IgnoresTheClaimLimit;
    skips_lanes_due_at_the_watermark: claiming detects SkipsLanesDueAtTheWatermark;
    acknowledges_too_much: acknowledging detects AcknowledgesTooMuch;
    omits_remaining_lanes: acknowledging detects OmitsRemainingLanes;
    defers_nothing: deferring detects DefersNothing;
    forgets_an_entry: loading detects ForgetsAnEntry;
    lists_too_few_read_ids: loading detects ListsTooFewReadIds;
    numbers_openings_wrong: numbering detects NumbersOpeningsWrong;
    numbers_sends_wrong: numbering detects NumbersSendsWrong;
    numbers_reads_wrong: numbering detects NumbersReadsWrong;
    numbers_changes_wrong: numbering detects NumbersChangesWrong;
    numbers_requeues_wrong: numbering detects NumbersRequeuesWrong;
    drops_extras: extras detects DropsExtras;
    makes_no_dead_letter: dead_letters detects MakesNoDeadLetter;
    requeues_nothing: requeueing detects RequeuesNothing;
    requeues_for_anyone: requeueing detects RequeuesForAnyone;
    requeues_with_a_later_time: requeueing detects RequeuesWithALaterTime;
    requeues_missing_entries: requeueing detects RequeuesMissingEntries;
    keeps_requeued_dead_letters: requeueing detects KeepsRequeuedDeadLetters;
    loses_requeued_events: requeueing detects LosesRequeuedEvents;
    closes_the_conversation_when_requeueing: requeueing detects ClosesTheConversationWhenRequeueing;
    lists_dead_letters_again: dead_letters detects ListsDeadLettersAgain;
    skips_one_dead_letter: dead_letters detects SkipsOneDeadLetter;
    reports_a_younger_backlog: backlog detects ReportsAYoungerBacklog;
    reports_a_later_due_time: backlog detects ReportsALaterDueTime;
    opens_a_conversation_when_probing: backlog detects OpensAConversationWhenProbing;
    reports_messages_of_others: reporting detects ReportsMessagesOfOthers;
    reports_every_complaint_as_opened: reporting detects ReportsEveryComplaintAsOpened;
    lists_reports_to_their_parties: moderating detects ListsReportsToTheirParties;
    ignores_the_status_of_reports: moderating detects IgnoresTheStatusOfReports;
    copies_too_few_messages: reporting detects CopiesTooFewMessages;
    loses_the_first_complaint: reporting detects LosesTheFirstComplaint;
    resolves_twice: moderating detects ResolvesTwice;
    unlinks_the_newest: unlinking detects UnlinksTheNewest;
    does_not_raise_the_access_version_for_bookings: unlinking detects DoesNotRaiseTheAccessVersion;
    reports_a_full_report_as_extended: reporting detects ReportsAFullReportAsExtended;
    counts_all_agents: counting detects CountsAllAgents;
    counts_users_by_messages: counting detects CountsUsersByMessages;
    returns_the_median_as_p95: counting detects ReturnsTheMedianAsP95;
    shifts_buckets: counting detects ShiftsBuckets;
    overlooks_a_trace: erasing detects OverlooksATrace;
    keeps_complaints_of_erased_users: erasing_reports detects KeepsComplaintsOfErasedUsers;
    erases_nothing: erasing detects ErasesNothing;
    keeps_e_mail_times_of_erased_users: erasing_digests detects KeepsEMailTimesOfErasedUsers;
    lists_oldest_access_first: auditing detects ListsOldestAccessFirst;
    ignores_the_recount_limit: verifying detects IgnoresTheRecountLimit;
    ignores_the_recount_start: verifying detects IgnoresTheRecountStart;
    swaps_the_addressed_counts: verifying detects SwapsTheAddressedCounts;
    counts_all_as_read: verifying detects CountsAllAsRead;
    omits_unpublished_events: verifying detects OmitsUnpublishedEvents;
    recounts_at_two_moments: verifying detects RecountsAtTwoMoments;
    claims_users_twice: due detects ClaimsUsersTwice;
    loses_attempts: mailing detects LosesAttempts;
    marks_nothing_mailed: mailing detects MarksNothingMailed;
    marks_too_much_mailed: mailing detects MarksTooMuchMailed;
    marks_others_mailed: mailing detects MarksOthersMailed;
    postpones_nothing: mailing detects PostponesNothing;
    loses_e_mail_times: mailing detects LosesEMailTimes;
    shows_beyond_the_extent: mailing detects ShowsBeyondTheExtent;
    admits_every_push: pushing detects AdmitsEveryPush;
    forgets_deferrals: mailing detects ForgetsDeferrals;
    lists_the_same_page_again: walking detects ListsTheSamePageAgain;
    loads_nothing: loading detects LoadsNothing;
    acknowledges_nothing: acknowledging detects AcknowledgesNothing;
    repeats_the_first_page_of_traces: erasing detects RepeatsTheFirstPageOfTraces;
}

macro_rules! the_model_detects_a_store_that {
    ($($name:ident: $fault:ident;)*) => {
        mod model {
            $(#[test]
            fn $name() {
                let stores = super::Stores(Some(super::Fault::$fault));
                // A single run rarely contains no step that shows the fault; ten such runs do not occur.
                let mut runs = 0..10;
                assert!(runs.any(|_| super::fails(|| messaging_testkit::compare_with_model(&stores))));
            })*
        }
    };
}

the_model_detects_a_store_that! {
    forgets_keys: ForgetsKeys;
    skips_the_access_version_check: SkipsTheAccessVersionCheck;
    unlinks_the_newest: UnlinksTheNewest;
    lets_two_workers_claim_one_lane: LetsTwoWorkersClaimOneLane;
    keeps_requeued_dead_letters: KeepsRequeuedDeadLetters;
    loses_requeued_events: LosesRequeuedEvents;
    rewrites_read_times: RewritesReadTimes;
    acknowledges_too_much: AcknowledgesTooMuch;
    skips_a_message_between_pages: SkipsAMessageBetweenPages;
    skips_one_dead_letter: SkipsOneDeadLetter;
    lists_the_same_page_again: ListsTheSamePageAgain;
    loads_nothing: LoadsNothing;
    acknowledges_nothing: AcknowledgesNothing;
}

macro_rules! the_recount_after_a_storm_detects_a_store_that {
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

the_recount_after_a_storm_detects_a_store_that! {
    counts_own_messages: CountsOwnMessages;
    counts_unread_twice: CountsUnreadTwice;
    forgets_an_entry: ForgetsAnEntry;
    forgets_keys: ForgetsKeys;
    keeps_requeued_dead_letters: KeepsRequeuedDeadLetters;
    loses_requeued_events: LosesRequeuedEvents;
    rewrites_read_times: RewritesReadTimes;
    acknowledges_too_much: AcknowledgesTooMuch;
    // The loops of the storm over these stores have no end of their own.
    lists_the_same_page_again: ListsTheSamePageAgain;
    loads_nothing: LoadsNothing;
    acknowledges_nothing: AcknowledgesNothing;
}

macro_rules! the_digest_simulation_detects_a_store_that {
    ($($name:ident: $fault:ident;)*) => {
        mod digest_simulation {
            $(#[test]
            fn $name() {
                let stores = super::Stores(Some(super::Fault::$fault));
                // As above: a fault that one run seldom shows is shown by one of ten.
                let mut runs = 0..10;
                assert!(runs.any(|_| super::fails(|| messaging_testkit::simulate_digests(&stores))));
            })*
        }
    };
}

the_digest_simulation_detects_a_store_that! {
    loses_attempts: LosesAttempts;
    marks_nothing_mailed: MarksNothingMailed;
    marks_too_much_mailed: MarksTooMuchMailed;
    loses_e_mail_times: LosesEMailTimes;
    shows_beyond_the_extent: ShowsBeyondTheExtent;
}
