//! Reports: filing, listing and resolving them.

use async_trait::async_trait;
use messaging_core::{
    Actor, ConversationId, Error, ErrorKind, MessageId, Messaging, Role,
    admin::{ReportDetails, ReportList, ReportsRequest},
    domain::{
        page::PageSize,
        report::{MAX_COMPLAINTS, Outcome, Remark, Report, ReportStatus},
    },
    host::{
        HostError,
        access::{AccessPolicy, ParticipantAction, Participants, Ruling},
        rate_limit::Unlimited,
    },
    id::ReportId,
    memory::MemoryStore,
    participant::{NewReport, Reported},
    store::{AuditStore as _, StoreErrorKind},
};
use messaging_testkit::fake::{Effect, FailingStore};
use uuid::Uuid;

use crate::support::*;

fn remark(text: &str) -> Remark {
    Remark::parse(text).unwrap()
}

fn admin_ada() -> Actor {
    Actor::new(user("ada"), Role::Admin)
}

fn unknown_report() -> ReportId {
    ReportId::new(Uuid::from_u128(404))
}

impl World {
    async fn report(
        &self,
        actor: &Actor,
        of: ConversationId,
        about: Option<MessageId>,
    ) -> Result<Reported, Error> {
        let report = NewReport::new(remark("rude")).with_message(about);
        self.messaging.report(actor, of, &report).await
    }

    async fn reports(&self, actor: &Actor, status: Option<ReportStatus>) -> Result<ReportList, Error> {
        let request = ReportsRequest::newest().with_status(status);
        self.messaging.admin(actor)?.list_reports(&request).await
    }

    async fn resolve(&self, actor: &Actor, id: ReportId, outcome: Outcome) -> Result<ReportDetails, Error> {
        let admin = self.messaging.admin(actor)?;
        admin.resolve_report(id, outcome, None).await
    }

    async fn log(&self) -> Vec<&'static str> {
        let log = self.store.list_accesses(None, 100).await.unwrap();
        log.iter().rev().map(|record| record.action.name()).collect()
    }
}

#[tokio::test]
async fn both_sides_may_report_without_notifying_the_other() {
    let world = World::new();
    let id = world.open().await;
    let about = world.send(&carl(), id, "hello").await.message.row.message.id;
    world.drain().await;
    world.realtime.take();
    let adas = world.report(&ada(), id, Some(about)).await.unwrap();
    let carls = world.report(&carl(), id, None).await.unwrap();
    assert!(adas.created && carls.created && adas.id != carls.id);
    let again = world.report(&ada(), id, None).await.unwrap();
    assert_eq!((again.id, again.created), (adas.id, false));
    world.drain().await;
    assert!(world.realtime.take().is_empty());
}

#[tokio::test]
async fn a_foreign_conversation_cannot_be_reported() {
    let world = World::new();
    let id = world.open().await;
    let elsewhere = {
        let other = Actor::new(user("new"), Role::Client);
        let opened = world
            .messaging
            .open_conversation(&other, &open("alpine", None))
            .await
            .unwrap();
        let of = opened.conversation.summary.conversation.id;
        world.send(&other, of, "hello").await.message.row.message.id
    };
    for (actor, of, about, expected) in [
        (stranger(), id, None, ErrorKind::NotFound),
        (carl(), unknown_conversation(), None, ErrorKind::NotFound),
        (carl(), id, Some(elsewhere), ErrorKind::NotFound),
        (root(), id, None, FORBIDDEN),
        (root(), unknown_conversation(), None, ErrorKind::NotFound),
    ] {
        assert_eq!(
            kind(world.report(&actor, of, about).await),
            expected,
            "{actor:?} {of} {about:?}"
        );
    }
    assert!(world.reports(&root(), None).await.unwrap().reports.is_empty());
}

#[tokio::test]
async fn an_admin_sees_reports_with_names_and_evidence_and_is_audited() {
    let world = World::new();
    let id = world.open().await;
    let about = world.send(&carl(), id, "hello").await.message.row.message.id;
    let reported = world.report(&ada(), id, Some(about)).await.unwrap();

    let list = world.reports(&root(), Some(ReportStatus::Open)).await.unwrap();
    assert_eq!(list.reports.len(), 1);
    assert!(!list.has_more && list.next_cursor.is_none());
    for (id, name) in [("carl", "CARL"), ("ada", "ADA")] {
        assert_eq!(list.profiles.user(&user(id)).name, name);
    }

    let details = world.find_report(reported.id).await;
    let report = &details.file.report;
    assert_eq!(
        (&report.reporter_id, &report.reported_id),
        (&user("ada"), &user("carl"))
    );
    assert_eq!(report.complaints[0].about, Some(1));
    assert_eq!(details.file.evidence[0].body.stored_text(), "hello");

    let note = Some(remark("warned"));
    let resolution = world
        .messaging
        .admin(&root())
        .unwrap()
        .resolve_report(reported.id, Outcome::Resolved, note)
        .await
        .unwrap();
    assert_eq!(
        resolution.file.report.status(),
        ReportStatus::Closed(Outcome::Resolved)
    );
    let again = world
        .resolve(&root(), reported.id, Outcome::Dismissed)
        .await
        .unwrap();
    assert_eq!(again.file, resolution.file, "the resolution is unchanged");
    assert!(
        world
            .reports(&root(), Some(ReportStatus::Open))
            .await
            .unwrap()
            .reports
            .is_empty()
    );
    assert_eq!(
        world.log().await,
        [
            "list_reports",
            "see_report",
            "resolve_report",
            "dismiss_report",
            "list_reports"
        ]
    );
}

#[tokio::test]
async fn only_an_admin_who_is_not_a_party_sees_or_resolves_a_report() {
    let world = World::new();
    let id = world.open().await;
    let reported = world.report(&carl(), id, None).await.unwrap();
    for actor in [carl(), ada(), stranger(), admin_ada()] {
        for report in [reported.id, unknown_report()] {
            let is_told_nothing = report == reported.id || actor != admin_ada();
            let expected = if is_told_nothing {
                FORBIDDEN
            } else {
                ErrorKind::NotFound
            };
            assert_eq!(
                kind(async { world.messaging.admin(&actor)?.find_report(report).await }.await),
                expected,
                "{actor:?}"
            );
            assert_eq!(
                kind(world.resolve(&actor, report, Outcome::Resolved).await),
                expected,
                "{actor:?}"
            );
        }
    }
    for actor in [carl(), ada(), stranger()] {
        assert_eq!(kind(world.reports(&actor, None).await), FORBIDDEN);
    }
    assert!(
        world
            .reports(&admin_ada(), None)
            .await
            .unwrap()
            .reports
            .is_empty()
    );
    assert_eq!(
        kind(
            world
                .messaging
                .admin(&root())
                .unwrap()
                .find_report(unknown_report())
                .await
        ),
        ErrorKind::NotFound
    );
    let still = world.find_report(reported.id).await;
    assert_eq!(still.file.report.status(), ReportStatus::Open);
}

#[tokio::test]
async fn reports_are_listed_in_pages() {
    let world = World::new();
    let mut expected = Vec::new();
    for n in 0..5 {
        let client = Actor::new(user(&format!("client-{n}")), Role::Client);
        let opened = world
            .messaging
            .open_conversation(&client, &open("alpine", None))
            .await
            .unwrap();
        let of = opened.conversation.summary.conversation.id;
        expected.insert(0, world.report(&client, of, None).await.unwrap().id);
    }
    let mut request = ReportsRequest::newest().with_limit(PageSize::new(2).unwrap());
    let mut walked = Vec::new();
    loop {
        let page = world
            .messaging
            .admin(&root())
            .unwrap()
            .list_reports(&request)
            .await
            .unwrap();
        walked.extend(page.reports.iter().map(|report| report.id));
        assert_eq!(page.has_more, page.next_cursor.is_some());
        match page.next_cursor {
            Some(_) => request.cursor = page.next_cursor,
            None => break,
        }
    }
    assert_eq!(walked, expected);
}

/// Returns a reason of the maximum length in bytes; each number gives another reason.
fn longest_reason(n: usize) -> Remark {
    remark(&format!("{n:04}{}", "\u{1f600}".repeat(996)))
}

#[tokio::test]
async fn a_full_report_is_refused_until_it_is_resolved() {
    let world = World::with(|builder| builder.rate_limiter(Unlimited));
    let of = world.open().await;
    let report = async |n| {
        let report = NewReport::new(longest_reason(n));
        world.messaging.report(&carl(), of, &report).await
    };
    let id = report(1).await.unwrap().id;
    for n in 2..=MAX_COMPLAINTS {
        let added = report(n).await.unwrap();
        assert_eq!((added.id, added.created), (id, false));
    }
    assert_eq!(kind(report(MAX_COMPLAINTS + 1).await), ErrorKind::ReportFull);
    let added = report(3).await.unwrap();
    assert_eq!((added.id, added.created), (id, false));
    world.resolve(&root(), id, Outcome::Dismissed).await.unwrap();
    assert!(report(MAX_COMPLAINTS + 1).await.unwrap().created);
}

#[tokio::test]
async fn a_page_of_reports_has_a_maximum_of_text() {
    let world = World::with(|builder| builder.rate_limiter(Unlimited));
    let mut expected = Vec::new();
    for n in 0..8 {
        let client = Actor::new(user(&format!("client-{n}")), Role::Client);
        let opened = world
            .messaging
            .open_conversation(&client, &open("alpine", None))
            .await
            .unwrap();
        let of = opened.conversation.summary.conversation.id;
        for n in 0..MAX_COMPLAINTS {
            let report = NewReport::new(longest_reason(n));
            let reported = world.messaging.report(&client, of, &report).await.unwrap();
            if reported.created {
                expected.insert(0, reported.id);
            }
        }
    }
    let mut request = ReportsRequest::newest().with_limit(PageSize::new(100).unwrap());
    let (mut walked, mut pages) = (Vec::new(), Vec::new());
    loop {
        let page = world
            .messaging
            .admin(&root())
            .unwrap()
            .list_reports(&request)
            .await
            .unwrap();
        let bytes: usize = page.reports.iter().map(Report::text_bytes).sum();
        assert!(bytes <= 256 * 1024, "{bytes}");
        walked.extend(page.reports.iter().map(|report| report.id));
        pages.push(page.reports.len());
        assert_eq!(page.has_more, page.next_cursor.is_some());
        match page.next_cursor {
            Some(_) => request.cursor = page.next_cursor,
            None => break,
        }
    }
    assert_eq!((walked, pages), (expected, vec![3, 3, 2]));
}

struct NoReports;

/// A policy that refuses every action except opening.
#[async_trait]
impl AccessPolicy for NoReports {
    async fn check(
        &self,
        _: &Actor,
        action: ParticipantAction,
        _: &Participants,
    ) -> Result<Ruling, HostError> {
        Ok(match action {
            ParticipantAction::Open => Ruling::Allow,
            _ => Ruling::refuse("Not here."),
        })
    }
}

#[tokio::test]
async fn the_access_policy_rules_on_reporting_and_not_on_moderation() {
    let world = World::with(|builder| builder.policy(NoReports));
    let id = world.open().await;
    let message = Some("Not here.".to_owned());
    assert_eq!(
        kind(world.report(&carl(), id, None).await),
        ErrorKind::Forbidden { message }
    );
    assert!(world.reports(&root(), None).await.unwrap().reports.is_empty());
}

/// Without an audit record, an admin can neither read nor resolve a report.
#[tokio::test]
async fn without_an_audit_record_nothing_is_shown_or_resolved() {
    let store = FailingStore::new(MemoryStore::new());
    let (messaging, _) = Messaging::builder(store.clone(), People).build().unwrap();
    let opened = messaging
        .open_conversation(&carl(), &open("alpine", None))
        .await
        .unwrap();
    let report = NewReport::new(remark("rude"));
    let of = opened.conversation.summary.conversation.id;
    let id = messaging.report(&carl(), of, &report).await.unwrap().id;
    let request = ReportsRequest::newest();
    let unwritten = |nth| store.fail(nth, StoreErrorKind::ReadOnly, Effect::None);
    unwritten(1);
    messaging
        .admin(&root())
        .unwrap()
        .list_reports(&request)
        .await
        .unwrap_err();
    unwritten(2);
    messaging
        .admin(&root())
        .unwrap()
        .find_report(id)
        .await
        .unwrap_err();
    unwritten(2);
    messaging
        .admin(&root())
        .unwrap()
        .resolve_report(id, Outcome::Resolved, None)
        .await
        .unwrap_err();
    let file = messaging
        .admin(&root())
        .unwrap()
        .find_report(id)
        .await
        .unwrap()
        .file;
    assert_eq!(file.report.status(), ReportStatus::Open);
}
