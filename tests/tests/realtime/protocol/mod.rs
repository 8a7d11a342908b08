//! Our server of the protocol and one by another project receive the same frames, and their answers are
//! compared frame by frame. The snapshot contains the answers, and the reasons of the differences are below.

mod peer;
mod script;
mod servers;

use std::fmt::Write as _;

use self::script::{Play, Step};
use self::servers::Server;

/// The differences between the servers, with the reason for our answer.
const DIFFERENCES: [(&str, &str); 18] = [
    (
        "another app's key",
        "the protocol's 4001: sockudo ends the connection without a word",
    ),
    (
        "an old protocol",
        "the protocol's 4007: sockudo takes every version",
    ),
    (
        "no protocol",
        "the protocol's 4008: sockudo takes that for version 7",
    ),
    (
        "the same channel again",
        "an error on hosted Pusher, too: sockudo subscribes again",
    ),
    ("a private channel signed with member data", REFUSED),
    ("a wrong signature", REFUSED),
    ("a signature that is none", REFUSED),
    ("no signature", REFUSED),
    (
        "a presence channel without a signature",
        "sockudo ends the connection instead",
    ),
    ("another connection's signature", REFUSED),
    (
        "a client event of a member",
        "the protocol names the member: sockudo does not",
    ),
    ("a client event on a public channel", FORM),
    ("a client event without a subscription", FORM),
    (
        "a ping",
        "the same to clients: an answer without data, and one with empty data",
    ),
    ("what is not JSON", FORM),
    ("what is not an event", FORM),
    ("an unknown event", "sockudo passes over it"),
    (
        "eleven client events in a second",
        "the protocol's 4301: sockudo limits them only if it is told to",
    ),
];
const REFUSED: &str =
    "refused by both; the protocol names the channel, sockudo says that it was an error of the connection";
const FORM: &str = "an error on both, in another form and with another code";

#[tokio::test]
async fn two_servers_of_the_protocol_send_the_same_messages() {
    let Some(theirs) = Server::sockudo() else { return };
    let ours = Play::on(&Server::embedded().await).await;
    let theirs = Play::on(&theirs).await;
    insta::assert_snapshot!(side_by_side(&ours, &theirs));
    let differing = ours.iter().zip(&theirs).filter(|(ours, theirs)| ours != theirs);
    let differing: Vec<_> = differing.map(|(ours, _)| ours.name).collect();
    assert_eq!(differing, DIFFERENCES.map(|(step, _)| step));
}

fn side_by_side(ours: &[Step], theirs: &[Step]) -> String {
    assert_eq!(ours.len(), theirs.len());
    let mut page = String::new();
    for (ours, theirs) in ours.iter().zip(theirs) {
        writeln!(page, "## {}", ours.name).unwrap();
        if ours == theirs {
            writeln!(page, "{}", lines("both    ", ours)).unwrap();
        } else {
            let reason = DIFFERENCES.iter().find(|(step, _)| *step == ours.name);
            let reason = reason.map_or("no reason known", |(_, reason)| reason);
            let (ours, theirs) = (lines("embedded", ours), lines("sockudo ", theirs));
            writeln!(page, "({reason})\n{ours}{theirs}").unwrap();
        }
    }
    page
}

fn lines(who: &str, step: &Step) -> String {
    if step.heard.is_empty() {
        return format!("{who} | (nothing)\n");
    }
    step.heard.iter().fold(String::new(), |mut page, line| {
        writeln!(page, "{who} | {line}").unwrap();
        page
    })
}
