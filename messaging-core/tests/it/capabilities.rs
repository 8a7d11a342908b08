//! Missing capabilities of a store are refused: at configuration if possible, or else by the use case.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::TryStreamExt as _;
use messaging_core::{
    ConfigError, DigestPolicy, ErrorKind, ListRequest, Messaging, Timestamp, UserId,
    admin::ReportsRequest,
    domain::{
        calendar::{BucketUnit, Buckets},
        page::PageSize,
        report::Remark,
    },
    memory::MemoryStore,
    participant::{ListFrom, NewReport},
    store::{ActivityScan, Capabilities, Capability, Store, StoreError, StoreMethod},
    transport::{
        TransportError,
        mailer::{Digest, Mailer},
        push::{Notification, Push},
    },
    verify::ConversationRange,
    wrap_store,
};
use messaging_testkit::fake::{FailingStore, FakeDirectory};

use crate::support::{People, carl, kind, message, open, root};

/// A store with the required methods only.
struct Bare(MemoryStore);

impl Bare {
    async fn pass<T>(
        &self,
        _: StoreMethod,
        call: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        call.await
    }
}

wrap_store!(impl Store for Bare, wrapping 0, through pass, without capabilities);

fn required_only() -> Bare {
    Bare(MemoryStore::new())
}

fn all(store: &dyn Store) -> Vec<Capability> {
    Capabilities::of(store).iter().collect()
}

struct Unused;

#[async_trait]
impl Mailer for Unused {
    async fn send(&self, _: &Digest) -> Result<(), TransportError> {
        unreachable!("the build fails before any call")
    }
}

#[async_trait]
impl Push for Unused {
    async fn notify(&self, _: &[UserId], _: &Notification) -> Result<(), TransportError> {
        unreachable!("the build fails before any call")
    }

    fn user_token(&self, _: &UserId, _: Timestamp) -> String {
        unreachable!("the build fails before any call")
    }
}

#[test]
fn a_wrapper_has_the_capabilities_of_its_store() {
    assert_eq!(all(&MemoryStore::new()), Capability::ALL);
    assert_eq!(all(&Arc::new(MemoryStore::new())), Capability::ALL);
    assert_eq!(all(&FailingStore::new(MemoryStore::new())), Capability::ALL);
    assert_eq!(all(&Arc::new(FailingStore::new(Arc::new(required_only())))), []);
}

#[test]
fn a_mailer_or_push_service_requires_the_stores_capability() {
    let builder = || Messaging::builder(required_only(), FakeDirectory::new());
    assert!(builder().build().is_ok());
    for (built, capability) in [
        (
            builder().digests(Unused, DigestPolicy::default()).build(),
            Capability::Digests,
        ),
        (builder().push(Unused).build(), Capability::Push),
    ] {
        assert_eq!(built.map(drop), Err(ConfigError::Unsupported { capability }));
    }
}

#[tokio::test]
async fn participants_need_only_required_methods_and_the_rest_is_unsupported() {
    let (messaging, _workers) = Messaging::builder(required_only(), People).build().unwrap();
    assert_eq!(messaging.capabilities().iter().count(), 0);
    let opened = messaging
        .open_conversation(&carl(), &open("alpine", None))
        .await
        .unwrap();
    let id = opened.conversation.id();
    messaging
        .send_message(&carl(), &message(id, "hello", None))
        .await
        .unwrap();
    let list = |from| ListRequest::new(from);
    let listed = messaging
        .list_conversations(&carl(), &list(ListFrom::Newest))
        .await;
    assert_eq!(listed.unwrap().conversations.len(), 1);

    let reason = Remark::parse("rude").unwrap();
    let report = NewReport::new(reason);
    let requested = ReportsRequest::newest();
    let day = [0, 86_400_000].map(Timestamp::from_millis);
    let buckets = Buckets::in_utc(day[0], day[1], BucketUnit::Day).unwrap();
    let activity = ActivityScan::new(buckets);
    let user = carl().user_id().clone();
    let unsupported = [
        kind(messaging.report(&carl(), id, &report).await),
        // An admin reads nothing without an audit record.
        kind(
            messaging
                .list_conversations(&root(), &list(ListFrom::Newest))
                .await,
        ),
        kind(messaging.find_conversation(&root(), id).await),
        kind(async { messaging.admin(&root())?.list_reports(&requested).await }.await),
        kind(async { messaging.admin(&root())?.read_audit(None, PageSize::LIST).await }.await),
        kind(async { messaging.admin(&root())?.count_activity(&activity).await }.await),
        kind(messaging.operations().erase_user(&user).await),
        kind(
            messaging
                .operations()
                .export_user(&user)
                .try_collect::<Vec<_>>()
                .await,
        ),
        kind(
            messaging
                .operations()
                .verify(ConversationRange::all())
                .try_collect::<Vec<_>>()
                .await,
        ),
    ];
    assert!(
        unsupported.iter().all(|kind| *kind == ErrorKind::Unsupported),
        "{unsupported:?}"
    );
}
