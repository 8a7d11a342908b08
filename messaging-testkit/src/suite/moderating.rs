use futures_util::future::{join, join_all};
use messaging_core::{
    domain::{
        report::{Outcome, ReportStatus},
        side::Side,
    },
    id::ReportId,
    store::{Filed, ReportScan, Store},
};

use super::{
    reporting::{complaint, evidence, file, found, list, remark, report_id, resolution, resolve},
    support::Scene,
};
use crate::make::{agent_user_id, client_id, plan, user_id};

fn numbers(range: impl Iterator<Item = u64>) -> Vec<ReportId> {
    range.map(report_id).collect()
}

/// Opens reports 1 to `count`, each on its own conversation.
async fn reports(store: &dyn Store, count: u32) {
    for n in 1..=count {
        let scene = Scene::open(store, plan(1, u64::from(n))).await;
        let step = complaint(&scene, n, "rude", None);
        assert_eq!(file(&scene, &step).await, Filed::Opened(step.id));
    }
}

pub(crate) async fn reports_are_listed_newest_first_in_pages(store: &dyn Store) {
    reports(store, 5).await;
    assert_eq!(list(store, None, None, 10).await, numbers((1..=5).rev()));
    assert_eq!(list(store, None, None, 2).await, numbers([5, 4].into_iter()));
    assert_eq!(list(store, None, Some(4), 2).await, numbers([3, 2].into_iter()));
    assert_eq!(list(store, None, Some(1), 2).await, []);
}

pub(crate) async fn reports_are_listed_by_status(store: &dyn Store) {
    reports(store, 5).await;
    for (n, outcome) in [
        (2, Outcome::Resolved),
        (4, Outcome::Dismissed),
        (5, Outcome::Resolved),
    ] {
        let resolution = resolution(outcome, 1);
        resolve(store, n, &resolution).await;
    }
    let resolved = Some(ReportStatus::Closed(Outcome::Resolved));
    let dismissed = Some(ReportStatus::Closed(Outcome::Dismissed));
    assert_eq!(
        list(store, Some(ReportStatus::Open), None, 10).await,
        numbers([3, 1].into_iter())
    );
    assert_eq!(
        list(store, Some(ReportStatus::Open), Some(3), 10).await,
        numbers([1].into_iter())
    );
    assert_eq!(list(store, resolved, None, 1).await, numbers([5].into_iter()));
    assert_eq!(list(store, dismissed, None, 10).await, numbers([4].into_iter()));
}

pub(crate) async fn a_report_is_not_listed_to_its_parties(store: &dyn Store) {
    reports(store, 1).await;
    for (user, expected) in [
        (client_id(1), 0),
        (agent_user_id(1), 0),
        (user_id("Client-1"), 1),
        (agent_user_id(2), 1),
    ] {
        let scan = ReportScan::new(10).with_hidden_from(Some(user));
        let listed = store.moderation().unwrap().list_reports(&scan).await.unwrap();
        assert_eq!(listed.len(), expected, "{:?}", scan.hidden_from);
    }
}

pub(crate) async fn a_report_is_resolved_once(store: &dyn Store) {
    reports(store, 1).await;
    let first = resolution(Outcome::Resolved, 1).with_note(Some(remark("has been warned")));
    let report = resolve(store, 1, &first).await;
    assert_eq!(report.resolution, Some(first.clone()));
    assert_eq!(found(store, 1).await.report, report);
    let second = resolution(Outcome::Dismissed, 2);
    let again = resolve(store, 1, &second).await;
    assert_eq!(again.resolution, Some(first));
    let unknown = store
        .moderation()
        .unwrap()
        .resolve_report(report_id(404), &second)
        .await
        .unwrap();
    assert_eq!(unknown, None);
}

pub(crate) async fn of_concurrent_resolutions_one_takes_effect(store: &dyn Store) {
    reports(store, 1).await;
    let resolution: Vec<_> = (1..=8).map(|n| resolution(Outcome::Resolved, n)).collect();
    let resolve = |resolution| {
        store
            .moderation()
            .unwrap()
            .resolve_report(report_id(1), resolution)
    };
    let answered = join_all(resolution.iter().map(resolve)).await;
    let by: Vec<_> = answered
        .into_iter()
        .map(|answer| answer.unwrap().unwrap().resolution.unwrap().by)
        .collect();
    assert!(by.iter().all(|admin| *admin == by[0]), "{by:?}");
}

pub(crate) async fn after_a_report_is_resolved_the_next_complaint_opens_another(store: &dyn Store) {
    let scene = Scene::set(store).await;
    scene.send(Side::Agent).await;
    file(&scene, &complaint(&scene, 5, "rude", None)).await;
    let dismissed = resolution(Outcome::Dismissed, 1);
    resolve(store, 5, &dismissed).await;
    let step = complaint(&scene, 6, "rude", None);
    assert_eq!(file(&scene, &step).await, Filed::Opened(report_id(6)));
    assert_eq!(evidence(store, 6).await, [1]);
    assert_eq!(found(store, 5).await.report.complaints.len(), 1);
}

pub(crate) async fn a_complaint_concurrent_with_a_resolution_is_not_lost(store: &dyn Store) {
    let scene = Scene::set(store).await;
    file(&scene, &complaint(&scene, 5, "rude", None)).await;
    let step = complaint(&scene, 6, "pushy", None);
    let resolved = resolution(Outcome::Resolved, 1);
    let (filed, resolution) = join(
        file(&scene, &step),
        store
            .moderation()
            .unwrap()
            .resolve_report(report_id(5), &resolved),
    )
    .await;
    assert_eq!(
        resolution.unwrap().unwrap().status(),
        ReportStatus::Closed(Outcome::Resolved)
    );
    let (Filed::Added(id) | Filed::Opened(id)) = filed else {
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
    assert!(report.complaints.iter().any(|it| it.reason.as_str() == "pushy"));
    assert_eq!(id == report_id(5), matches!(filed, Filed::Added(_)));
}
