//! A server that is killed at each step of an e-mail: no e-mail is lost, and only an accepted e-mail without
//! a record is repeated, unchanged.

use messaging_test_postgres::{Database, Fault, PgServer, Statement, Wire};
use messaging_test_smtp::{Behaviour, Mail, SmtpServer};
use messaging_tests::{Server, eventually};

use crate::support::{send, settings};

/// The moment of the kill.
enum Moment {
    /// Just before that statement is executed.
    Before(&'static str),
    /// After the mail server has accepted the e-mail, and before it answers.
    Taken,
}

/// Kills a server at that moment, twice, and checks that `copies` e-mails arrive in total.
fn check(what: &str, moment: &Moment, copies: usize) {
    let Some(smtp) = SmtpServer::start(what) else {
        return;
    };
    let database = Database::create_blocking(PgServer::shared());
    let data = tempfile::tempdir().unwrap();
    let first = settings(data.path(), database.url(), &smtp).start();
    let id = first.caller("client-1").open("agency-1");
    drop(first.stop("TERM"));
    for round in 1..=2 {
        let before = smtp.mails().len();
        let text = format!("text-{round}-end");
        die(moment, &smtp, &database, data.path(), &id, &text);
        let next = settings(data.path(), database.url(), &smtp).start();
        let later = format!("later-{round}-end");
        eventually("the e-mail is sent", || {
            (about(&smtp, &text).len() >= copies).then_some(())
        });
        // A later message is mailed once, in an e-mail of its own.
        send(&next.caller("client-1"), &id, &later);
        eventually("the later e-mail is sent", || {
            (!about(&smtp, &later).is_empty()).then_some(())
        });
        drop(next.stop("TERM"));
        let copies_of = about(&smtp, &text);
        assert_eq!(copies_of.len(), copies, "{copies_of:#?}");
        let message_id = copies_of[0].header("Message-ID");
        assert!(
            copies_of
                .iter()
                .all(|mail| mail.header("Message-ID") == message_id)
        );
        assert!(
            copies_of.iter().all(|mail| mail.text == copies_of[0].text),
            "{copies_of:#?}"
        );
        assert_eq!(smtp.mails().len(), before + copies + 1);
    }
}

/// Starts a server, and kills it at that moment of mailing a message.
fn die(
    moment: &Moment,
    smtp: &SmtpServer,
    database: &Database,
    data: &std::path::Path,
    id: &str,
    text: &str,
) {
    let wire = Wire::to_server(PgServer::shared());
    let server: Server = settings(data, &wire.url(database.name()), smtp).start();
    match moment {
        Moment::Before(statement) => {
            let stalled = wire.arm(Fault::Stall(Statement::containing(statement)));
            send(&server.caller("client-1"), id, text);
            eventually("the statement is withheld", || {
                stalled.has_happened().then_some(())
            });
            server.kill();
        }
        Moment::Taken => {
            smtp.behave(Behaviour::Hold);
            send(&server.caller("client-1"), id, text);
            eventually("the e-mail is accepted", || {
                (!about(smtp, text).is_empty()).then_some(())
            });
            server.kill();
            smtp.behave(Behaviour::Accept);
        }
    }
}

fn about(smtp: &SmtpServer, text: &str) -> Vec<Mail> {
    let mut mails = smtp.mails();
    mails.retain(|mail| mail.text.as_deref().unwrap().contains(text));
    mails
}

#[test]
fn after_a_user_was_claimed() {
    check("killed after a claim", &Moment::Before("u.unmailed_id"), 1);
}

#[test]
fn before_the_attempt_is_recorded() {
    check(
        "killed before the record",
        &Moment::Before("SET attempt_id = $4"),
        1,
    );
}

#[test]
fn after_the_attempt_was_recorded() {
    check(
        "killed after the record",
        &Moment::Before("s.read_or_mailed < e.up_to"),
        1,
    );
}

#[test]
fn after_the_mail_server_has_accepted_it() {
    check("killed while mailing", &Moment::Taken, 2);
}

#[test]
fn before_the_messages_are_marked() {
    check(
        "killed before the marks",
        &Moment::Before("said.client_up_to IS NOT NULL"),
        2,
    );
}

#[test]
fn after_the_messages_were_marked() {
    check(
        "killed after the marks",
        &Moment::Before("SET owner = NULL, until = NULL, attempt_id = NULL"),
        1,
    );
}
