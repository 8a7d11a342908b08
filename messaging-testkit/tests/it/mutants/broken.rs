//! The memory store with one deliberate fault.

use std::time::Duration;

use messaging_core::{
    domain::{conversation::Conversation, side::Side},
    id::{ConversationId, UserId},
    memory::MemoryStore,
    store::{
        ActivityStore, AuditStore, ConversationStore, DigestStore, ErasureStore, ModerationStore, PushStore,
        RecountStore, Store, StoreError,
    },
};

/// A store with a fault.
pub(crate) struct Broken {
    pub(crate) inner: MemoryStore,
    fault: Fault,
}

/// A fault of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    CreatesTwice,
    LosesTheCreatedLane,
    ListsOldestBookingFirst,
    SkipsTheAccessVersionCheck,
    StoresDecreasingTimes,
    ForgetsKeys,
    SharesKeysAmongSenders,
    CountsOwnMessages,
    AcceptsUnknownMessages,
    OmitsTheReadTime,
    RewritesReadTimes,
    RepeatsChanges,
    DoesNotRaiseTheAccessVersion,
    OrdersEqualTimesBySmallerId,
    IgnoresTheCap,
    CountsUnreadTwice,
    SkipsAMessageBetweenPages,
    ReportsMoreAfterTheLastPage,
    SkipsAConversationBetweenPages,
    LetsTwoWorkersClaimOneLane,
    ExtendsLeases,
    IgnoresTheClaimLimit,
    SkipsLanesDueAtTheWatermark,
    AcknowledgesTooMuch,
    OmitsRemainingLanes,
    DefersNothing,
    ForgetsAnEntry,
    ListsTooFewReadIds,
    MakesNoDeadLetter,
    RequeuesNothing,
    RequeuesForAnyone,
    RequeuesWithALaterTime,
    RequeuesMissingEntries,
    KeepsRequeuedDeadLetters,
    LosesRequeuedEvents,
    ClosesTheConversationWhenRequeueing,
    ListsDeadLettersAgain,
    SkipsOneDeadLetter,
    ReportsAYoungerBacklog,
    ReportsALaterDueTime,
    OpensAConversationWhenProbing,
    ReportsMessagesOfOthers,
    ReportsEveryComplaintAsOpened,
    ListsReportsToTheirParties,
    IgnoresTheStatusOfReports,
    CopiesTooFewMessages,
    LosesTheFirstComplaint,
    ResolvesTwice,
    ReportsAFullReportAsExtended,
    UnlinksTheNewest,
    KeepsComplaintsOfErasedUsers,
    CountsAllAgents,
    CountsUsersByMessages,
    ReturnsTheMedianAsP95,
    ShiftsBuckets,
    OverlooksATrace,
    ErasesNothing,
    KeepsEMailTimesOfErasedUsers,
    ListsOldestAccessFirst,
    IgnoresTheRecountLimit,
    IgnoresTheRecountStart,
    SwapsTheAddressedCounts,
    CountsAllAsRead,
    OmitsUnpublishedEvents,
    RecountsAtTwoMoments,
    ClaimsUsersTwice,
    LosesAttempts,
    MarksNothingMailed,
    MarksTooMuchMailed,
    MarksOthersMailed,
    PostponesNothing,
    LosesEMailTimes,
    ShowsBeyondTheExtent,
    AdmitsEveryPush,
    ForgetsDeferrals,
    ListsTheSamePageAgain,
    NumbersOpeningsWrong,
    NumbersSendsWrong,
    NumbersReadsWrong,
    NumbersChangesWrong,
    NumbersRequeuesWrong,
    DropsExtras,
    LoadsNothing,
    AcknowledgesNothing,
    RepeatsTheFirstPageOfTraces,
}

/// Longer than any lease in the suite.
pub(crate) const LONG: Duration = Duration::from_secs(1_000_000);

impl Broken {
    pub(crate) fn by(fault: Fault) -> Self {
        let inner = MemoryStore::new();
        Self { inner, fault }
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.fault == fault
    }

    /// Applies the fault to a conversation that is read.
    pub(crate) fn distort(&self, conversation: &mut Conversation) {
        if self.has(Fault::CountsOwnMessages) {
            for side in Side::ALL {
                conversation.counters.of_mut(side).received = conversation.last_seq;
            }
        }
        if self.has(Fault::DoesNotRaiseTheAccessVersion) {
            conversation.access_version = 0;
        }
    }

    pub(crate) async fn access_version(&self, of: ConversationId) -> Result<Option<u32>, StoreError> {
        let conversation = self.inner.find_conversation(of.into()).await?;
        Ok(conversation.map(|conversation| conversation.access_version))
    }

    /// Returns the possible senders of messages in a conversation; `None` is the system.
    pub(crate) async fn possible_senders(
        &self,
        of: ConversationId,
    ) -> Result<Vec<Option<UserId>>, StoreError> {
        let conversation = self.inner.find_conversation(of.into()).await?;
        let both = conversation.map(|one| Side::ALL.map(|side| Some(one.user(side).clone())));
        Ok(both.into_iter().flatten().chain([None]).collect())
    }
}

impl Store for Broken {
    fn digests(&self) -> Option<&dyn DigestStore> {
        Some(self)
    }

    fn push(&self) -> Option<&dyn PushStore> {
        Some(self)
    }

    fn moderation(&self) -> Option<&dyn ModerationStore> {
        Some(self)
    }

    fn audit(&self) -> Option<&dyn AuditStore> {
        Some(self)
    }

    fn activity(&self) -> Option<&dyn ActivityStore> {
        Some(self)
    }

    fn erasure(&self) -> Option<&dyn ErasureStore> {
        Some(self)
    }

    fn recount(&self) -> Option<&dyn RecountStore> {
        Some(self)
    }
}
