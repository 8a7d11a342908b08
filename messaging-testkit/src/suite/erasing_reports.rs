use messaging_core::{
    domain::{
        change::Change,
        erasure::erased_user,
        report::{Outcome, Remark, ReportFile, Resolution},
        side::Side,
    },
    id::ReportId,
    store::{ErasedReports, FileReport, ReportScan, Store},
};

use super::{erasing::emptied, support::Scene};
use crate::make::{admin_id, agent_user_id, at, client_id, plan, user_id, uuid};

/// Opens a conversation with a report by each side: number `n` by the client, `n + 1` by the agent.
async fn reported(store: &dyn Store, n: u64) -> Scene<'_> {
    let scene = Scene::open(store, plan(1, n)).await;
    scene.send(Side::Client).await;
    scene.send(Side::Agent).await;
    for (nth, side) in (n..).zip(Side::ALL) {
        let conversation = scene.conversation().await;
        let report = FileReport::new(
            ReportId::new(uuid(7, nth)),
            scene.id,
            conversation.user(side).clone(),
            side,
            conversation.user(side.other()).clone(),
            Remark::parse("rude").unwrap(),
            at(9),
        );
        store.moderation().unwrap().file_report(&report).await.unwrap();
        let again = report.with_reason(Remark::parse("and pushy").unwrap());
        store.moderation().unwrap().file_report(&again).await.unwrap();
    }
    scene
}

fn resolution() -> Resolution {
    Resolution::new(Outcome::Resolved, admin_id(1), at(20))
        .with_note(Some(Remark::parse("has been warned").unwrap()))
}

async fn report(store: &dyn Store, n: u64) -> ReportFile {
    let found = store
        .moderation()
        .unwrap()
        .find_report(ReportId::new(uuid(7, n)))
        .await
        .unwrap();
    found.unwrap()
}

pub(crate) async fn evidence_of_an_open_report_is_unchanged(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Agent).await;
    let id = ReportId::new(uuid(7, 1));
    let report = FileReport::new(
        id,
        scene.id,
        client_id(1),
        Side::Client,
        agent_user_id(1),
        Remark::parse("rude").unwrap(),
        at(9),
    );
    store.moderation().unwrap().file_report(&report).await.unwrap();
    scene.change(Change::Erase(Side::Agent)).await;
    store
        .erasure()
        .unwrap()
        .erase_messages(scene.id, &agent_user_id(1))
        .await
        .unwrap();
    let file = store
        .moderation()
        .unwrap()
        .find_report(id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (file.report.reported_id, file.evidence),
        (agent_user_id(1), vec![sent])
    );
}

pub(crate) async fn a_resolved_report_keeps_only_the_names_of_staff(store: &dyn Store) {
    let scene = reported(store, 1).await;
    for n in [1, 2] {
        let id = ReportId::new(uuid(7, n));
        store
            .moderation()
            .unwrap()
            .resolve_report(id, &resolution())
            .await
            .unwrap()
            .unwrap();
    }
    let before = [report(store, 1).await, report(store, 2).await];
    let erased = store
        .erasure()
        .unwrap()
        .erase_from_reports(&client_id(1))
        .await
        .unwrap();
    assert_eq!(erased, ErasedReports::default().with_erased(2));
    let erased = erased_user(scene.id, Side::Client);
    for (n, mut expected) in (1..).zip(before) {
        if n == 1 {
            expected.report.reporter_id = erased.clone();
            expected.report.complaints.clear();
        } else {
            expected.report.reported_id = erased.clone();
        }
        expected.evidence[0] = emptied(&expected.evidence[0], Side::Client);
        assert_eq!(report(store, n).await, expected);
        assert_eq!(expected.report.resolution, Some(resolution()));
    }
    let again = store
        .erasure()
        .unwrap()
        .erase_from_reports(&client_id(1))
        .await
        .unwrap();
    assert_eq!(again, ErasedReports::default());
    let scan = ReportScan::new(10);
    assert_eq!(
        store
            .moderation()
            .unwrap()
            .list_reports(&scan)
            .await
            .unwrap()
            .len(),
        2
    );
}

pub(crate) async fn an_open_report_stays_until_it_is_resolved_and_others_stay(store: &dyn Store) {
    reported(store, 1).await;
    let others = Scene::open(store, plan(2, 8)).await;
    let of_others = FileReport::new(
        ReportId::new(uuid(7, 8)),
        others.id,
        client_id(2),
        Side::Client,
        agent_user_id(8),
        Remark::parse("rude").unwrap(),
        at(9),
    );
    store.moderation().unwrap().file_report(&of_others).await.unwrap();
    for n in [2, 8] {
        let id = ReportId::new(uuid(7, n));
        store
            .moderation()
            .unwrap()
            .resolve_report(id, &resolution())
            .await
            .unwrap()
            .unwrap();
    }
    let (open, of_others) = (report(store, 1).await, report(store, 8).await);
    let erased = store
        .erasure()
        .unwrap()
        .erase_from_reports(&client_id(1))
        .await
        .unwrap();
    assert_eq!(erased, ErasedReports::default().with_erased(1).with_open(1));
    assert_eq!(
        (report(store, 1).await, report(store, 8).await),
        (open, of_others)
    );
    let id = ReportId::new(uuid(7, 1));
    store
        .moderation()
        .unwrap()
        .resolve_report(id, &resolution())
        .await
        .unwrap()
        .unwrap();
    let erased = store
        .erasure()
        .unwrap()
        .erase_from_reports(&client_id(1))
        .await
        .unwrap();
    assert_eq!(erased, ErasedReports::default().with_erased(1));
    assert!(report(store, 1).await.report.complaints.is_empty());
}

pub(crate) async fn copies_of_a_former_users_messages_are_emptied_too(store: &dyn Store) {
    let scene = Scene::set(store).await;
    let sent = scene.send(Side::Agent).await;
    scene.change(Change::Reassign(user_id("new"))).await;
    let report_of_the_new = FileReport::new(
        ReportId::new(uuid(7, 1)),
        scene.id,
        client_id(1),
        Side::Client,
        user_id("new"),
        Remark::parse("rude").unwrap(),
        at(9),
    );
    store
        .moderation()
        .unwrap()
        .file_report(&report_of_the_new)
        .await
        .unwrap();
    let id = ReportId::new(uuid(7, 1));
    let open = store
        .erasure()
        .unwrap()
        .erase_from_reports(&agent_user_id(1))
        .await
        .unwrap();
    assert_eq!(open, ErasedReports::default().with_open(1));
    store
        .moderation()
        .unwrap()
        .resolve_report(id, &resolution())
        .await
        .unwrap()
        .unwrap();
    let erased = store
        .erasure()
        .unwrap()
        .erase_from_reports(&agent_user_id(1))
        .await
        .unwrap();
    assert_eq!(erased, ErasedReports::default().with_erased(1));
    let file = report(store, 1).await;
    assert_eq!(file.evidence, [emptied(&sent, Side::Agent)]);
    assert_eq!(file.report.reported_id, user_id("new"));
    assert_eq!(file.report.complaints.len(), 1);
}
