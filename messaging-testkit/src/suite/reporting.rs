use futures_util::future::join_all;
use messaging_core::{
    domain::{
        report::{Complaint, MAX_COMPLAINTS, Outcome, Remark, Report, ReportFile, ReportStatus, Resolution},
        side::{Recipients, Side},
    },
    id::{MessageId, ReportId},
    store::{FileReport, Filed, ReportScan, Store},
};

use super::support::Scene;
use crate::make::{admin_id, agent_user_id, at, client_id, conversation_id, message_id, plan, uuid};

pub(super) fn report_id(n: u64) -> ReportId {
    ReportId::new(uuid(7, n))
}

pub(super) fn remark(text: &str) -> Remark {
    Remark::parse(text).unwrap()
}

/// A complaint of the scene's client. If it opens a report, that has number `n` and second `n`.
pub(super) fn complaint(scene: &Scene<'_>, n: u32, reason: &str, about: Option<MessageId>) -> FileReport {
    FileReport::new(
        report_id(u64::from(n)),
        scene.id,
        client_id(1),
        Side::Client,
        agent_user_id(1),
        remark(reason),
        at(i64::from(n)),
    )
    .with_about(about)
}

pub(super) async fn file(scene: &Scene<'_>, step: &FileReport) -> Filed {
    scene.store.moderation().unwrap().file_report(step).await.unwrap()
}

pub(super) async fn found(store: &dyn Store, n: u64) -> ReportFile {
    store
        .moderation()
        .unwrap()
        .find_report(report_id(n))
        .await
        .unwrap()
        .unwrap()
}

pub(super) async fn evidence(store: &dyn Store, n: u64) -> Vec<u64> {
    let file = found(store, n).await;
    file.evidence.iter().map(|message| message.seq).collect()
}

pub(super) async fn list(
    store: &dyn Store,
    status: Option<ReportStatus>,
    before: Option<u64>,
    limit: usize,
) -> Vec<ReportId> {
    let scan = ReportScan::new(limit)
        .with_status(status)
        .with_before(before.map(report_id))
        .with_hidden_from(Some(admin_id(1)));
    let listed = store.moderation().unwrap().list_reports(&scan).await.unwrap();
    listed.iter().map(|report| report.id).collect()
}

pub(super) async fn resolve(store: &dyn Store, n: u64, resolution: &Resolution) -> Report {
    let reports = store.moderation().unwrap();
    let resolved = reports.resolve_report(report_id(n), resolution).await;
    resolved.unwrap().unwrap()
}

pub(super) fn resolution(outcome: Outcome, by: u64) -> Resolution {
    Resolution::new(outcome, admin_id(by), at(100))
}

pub(crate) async fn the_first_complaint_opens_a_report(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let about = scene.send_many(Side::Agent, 2).await[1].id;
    let step = complaint(&scene, 5, "rude", Some(about));
    assert_eq!(file(&scene, &step).await, Filed::Opened(report_id(5)));
    let expected = Report::new(
        report_id(5),
        scene.id,
        client_id(1),
        Side::Client,
        agent_user_id(1),
        at(5),
    )
    .with_complaints(vec![Complaint::new(remark("rude"), at(5)).with_about(Some(2))]);
    assert_eq!(found(store, 5).await.report, expected);
}

pub(crate) async fn the_next_complaint_is_added_to_it(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let about = scene.send(Side::Agent).await.id;
    file(&scene, &complaint(&scene, 5, "rude", None)).await;
    let step = complaint(&scene, 6, "rude", Some(about));
    assert_eq!(file(&scene, &step).await, Filed::Added(report_id(5)));
    let step = complaint(&scene, 7, "and pushy", Some(about));
    assert_eq!(file(&scene, &step).await, Filed::Added(report_id(5)));
    let report = found(store, 5).await.report;
    let said: Vec<_> = report
        .complaints
        .iter()
        .map(|it| (it.reason.as_str(), it.about, it.at))
        .collect();
    assert_eq!(
        said,
        [
            ("rude", None, at(5)),
            ("rude", Some(1), at(6)),
            ("and pushy", Some(1), at(7))
        ]
    );
    assert_eq!(report.opened_at, at(5));
}

pub(crate) async fn a_repeated_complaint_is_kept_once(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let about = scene.send(Side::Agent).await.id;
    for (n, about) in [
        (5, None),
        (6, None),
        (7, Some(about)),
        (8, Some(about)),
        (9, None),
    ] {
        file(&scene, &complaint(&scene, n, "rude", about)).await;
    }
    let times: Vec<_> = found(store, 5)
        .await
        .report
        .complaints
        .iter()
        .map(|it| it.at)
        .collect();
    assert_eq!(times, [at(5), at(7)]);
}

/// A store that indexes a digest of a reason must compute it from the exact text.
pub(crate) async fn complaints_that_differ_in_any_character_are_all_kept(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut reasons: Vec<String> = [
        "\\x41",
        "A",
        "\\101",
        "\\\\101",
        "\\",
        "a\\",
        "Ä",
        "A\u{308}b",
        "'",
    ]
    .map(str::to_owned)
    .into();
    // Longer than an index entry can hold.
    reasons.extend(["ß", "ẞ"].map(|last| format!("{}{last}", "ü".repeat(900))));
    for _ in 0..2 {
        for reason in &reasons {
            file(&scene, &complaint(&scene, 5, reason, None)).await;
        }
    }
    let kept = found(store, 5).await.report.complaints;
    let expected: Vec<_> = reasons.iter().map(|reason| remark(reason)).collect();
    assert_eq!(kept.into_iter().map(|it| it.reason).collect::<Vec<_>>(), expected);
}

pub(crate) async fn of_concurrent_complaints_one_opens_the_report(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Agent).await;
    let steps: Vec<_> = (1..=8)
        .map(|n| complaint(&scene, n, &format!("reason {n}"), None))
        .collect();
    let filed = join_all(steps.iter().map(|step| file(&scene, step))).await;
    let opened: Vec<_> = filed
        .iter()
        .filter_map(|filed| match filed {
            Filed::Opened(id) => Some(*id),
            _ => None,
        })
        .collect();
    let [id] = opened[..] else { panic!("{filed:?}") };
    assert_eq!(
        filed.iter().filter(|filed| **filed == Filed::Added(id)).count(),
        7
    );
    let file = store
        .moderation()
        .unwrap()
        .find_report(id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((file.report.complaints.len(), file.evidence.len()), (8, 1));
    assert_eq!(list(store, None, None, 10).await, [id]);
}

/// Opens a report at second 1 with the maximum number of complaints; the reasons are their numbers.
async fn full(scene: &Scene<'_>) {
    for n in 1..=MAX_COMPLAINTS {
        let step = complaint(scene, u32::try_from(n).unwrap(), &n.to_string(), None);
        let filed = file(scene, &step).await;
        assert!(
            matches!(filed, Filed::Opened(_) | Filed::Added(_)),
            "{n}: {filed:?}"
        );
    }
}

pub(crate) async fn a_full_report_is_unchanged(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Agent, 40).await;
    full(&scene).await;
    let before = found(store, 1).await;
    assert_eq!(before.report.complaints.len(), MAX_COMPLAINTS);
    for about in [None, Some(sent[0].id)] {
        let step = complaint(&scene, 30, "one more", about);
        for _ in 0..2 {
            assert_eq!(file(&scene, &step).await, Filed::Full(report_id(1)));
        }
    }
    assert_eq!(found(store, 1).await, before, "no evidence is added");
    let repeated = complaint(&scene, 31, "7", None);
    assert_eq!(file(&scene, &repeated).await, Filed::Added(report_id(1)));
    assert_eq!(found(store, 1).await, before);
    let about_another = complaint(&scene, 32, "7", Some(sent[3].id));
    assert_eq!(file(&scene, &about_another).await, Filed::Full(report_id(1)));
}

pub(crate) async fn concurrent_complaints_do_not_exceed_the_maximum(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let steps: Vec<_> = (1..=30)
        .map(|n| complaint(&scene, n, &n.to_string(), None))
        .collect();
    let filed = join_all(steps.iter().map(|step| file(&scene, step))).await;
    let full = filed.iter().filter(|filed| matches!(filed, Filed::Full(_)));
    assert_eq!(full.count(), steps.len() - MAX_COMPLAINTS, "{filed:?}");
    let [id] = list(store, None, None, 10).await[..] else {
        panic!("{filed:?}")
    };
    let report = store
        .moderation()
        .unwrap()
        .find_report(id)
        .await
        .unwrap()
        .unwrap()
        .report;
    assert_eq!(report.complaints.len(), MAX_COMPLAINTS);
}

pub(crate) async fn after_a_full_report_is_resolved_the_next_complaint_opens_another(store: &dyn Store) {
    let scene = Scene::set(store).await;
    full(&scene).await;
    let dismissed = resolution(Outcome::Dismissed, 1);
    resolve(store, 1, &dismissed).await;
    let step = complaint(&scene, 30, "one more", None);
    assert_eq!(file(&scene, &step).await, Filed::Opened(report_id(30)));
    assert_eq!(found(store, 30).await.report.complaints.len(), 1);
}

pub(crate) async fn each_reporter_has_their_own_report(store: &dyn Store) {
    let scene = Scene::set(store).await;
    file(&scene, &complaint(&scene, 5, "rude", None)).await;
    let step = complaint(&scene, 6, "rude", None)
        .with_reporter_id(agent_user_id(1))
        .with_reporter_side(Side::Agent)
        .with_reported_id(client_id(1));
    assert_eq!(file(&scene, &step).await, Filed::Opened(report_id(6)));
    let report = found(store, 6).await.report;
    assert_eq!(
        (report.reporter_side, report.reported_id),
        (Side::Agent, client_id(1))
    );
    let other = Scene::open(store, plan(1, 2)).await;
    let step = complaint(&other, 7, "rude", None);
    assert_eq!(file(&other, &step).await, Filed::Opened(report_id(7)));
}

pub(crate) async fn a_missing_conversation_or_message_is_not_reported(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let other = Scene::open(store, plan(1, 2)).await;
    let elsewhere = other.send(Side::Agent).await.id;
    for about in [elsewhere, message_id(404)] {
        let step = complaint(&scene, 5, "rude", Some(about));
        assert_eq!(file(&scene, &step).await, Filed::Unknown);
    }
    let step = complaint(&scene, 5, "rude", None).with_conversation_id(conversation_id(404));
    assert_eq!(file(&scene, &step).await, Filed::Unknown);
    assert_eq!(list(store, None, None, 10).await, []);
    assert_eq!(
        store
            .moderation()
            .unwrap()
            .find_report(report_id(5))
            .await
            .unwrap(),
        None
    );
}

pub(crate) async fn fifteen_messages_around_the_reported_one_are_copied(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send_many(Side::Agent, 40).await;
    file(&scene, &complaint(&scene, 50, "rude", Some(sent[20].id))).await;
    assert_eq!(evidence(store, 50).await, (6..=36).collect::<Vec<_>>());
    file(&scene, &complaint(&scene, 51, "rude", Some(sent[0].id))).await;
    assert_eq!(evidence(store, 50).await, (1..=36).collect::<Vec<_>>());
    file(&scene, &complaint(&scene, 52, "rude", Some(sent[39].id))).await;
    assert_eq!(evidence(store, 50).await, (1..=40).collect::<Vec<_>>());
}

pub(crate) async fn without_a_message_the_newest_31_are_copied(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send_many(Side::Agent, 40).await;
    file(&scene, &complaint(&scene, 50, "rude", None)).await;
    assert_eq!(evidence(store, 50).await, (10..=40).collect::<Vec<_>>());
}

pub(crate) async fn an_empty_conversation_is_reported_without_evidence(store: &dyn Store) {
    let scene = Scene::set(store).await;
    assert_eq!(
        file(&scene, &complaint(&scene, 5, "spam", None)).await,
        Filed::Opened(report_id(5))
    );
    assert!(found(store, 5).await.evidence.is_empty());
}

pub(crate) async fn evidence_equals_the_sent_messages(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let mut sent = scene.send_many(Side::Agent, 1).await;
    sent.extend(scene.send_many(Side::Client, 1).await);
    sent.push(scene.send_from_system(Recipients::Both).await);
    file(&scene, &complaint(&scene, 5, "rude", None)).await;
    let expected: Vec<_> = sent
        .into_iter()
        .map(|message| message.with_idempotency_key(None))
        .collect();
    assert_eq!(found(store, 5).await.evidence, expected);
    scene.send(Side::Agent).await;
    assert_eq!(
        evidence(store, 5).await,
        [1, 2, 3],
        "later messages are not copied"
    );
}

pub(crate) async fn reporting_does_not_change_the_conversation(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Agent).await;
    let (before, entries) = (scene.summary().await, scene.entries().await.len());
    file(&scene, &complaint(&scene, 5, "rude", None)).await;
    assert_eq!(scene.summary().await, before);
    assert_eq!(scene.entries().await.len(), entries, "no side is notified");
}
