//! Through a real SMTP server, read by an independent library.

#[path = "../common/mod.rs"]
mod common;
mod relay_denied;

use std::time::Duration;

use common::{Pages, conversation, digest, usual};
use messaging_core::transport::mailer::{Digest, MailErrorKind, Mailer as _};
use messaging_lettre::{DigestMail, SmtpMailer, Templates};
use messaging_test_smtp::{Behaviour, Mail, SmtpServer};

fn mailer(url: &str, timeout: Duration) -> SmtpMailer {
    let mail =
        DigestMail::new("Tours <messages@tours.example>", Templates::default(), Pages).expect("an address");
    SmtpMailer::with_timeout(url, mail, timeout).expect("a URL")
}

async fn kind(mailer: &SmtpMailer, digest: &Digest) -> Option<MailErrorKind> {
    mailer.send(digest).await.err().map(|error| error.kind())
}

/// The words of a page as a person sees them.
fn words(html: &str) -> String {
    let body = html.split_once("</head>").expect("a page").1;
    let mut text = String::new();
    let mut in_tag = false;
    for c in body.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            c if !in_tag => text.push(c),
            _ => {}
        }
    }
    for (entity, c) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#x27;", "'"),
        ("&quot;", "\""),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ] {
        text = text.replace(entity, c);
    }
    text
}

fn one(mails: &[Mail]) -> &Mail {
    let [one] = mails else {
        panic!("{} e-mails", mails.len())
    };
    one
}

#[tokio::test]
async fn an_e_mail_arrives_and_both_parts_say_the_same() {
    let Some(server) = SmtpServer::start("an e-mail") else {
        return;
    };
    mailer(&server.url(), Duration::from_secs(30))
        .send(&usual())
        .await
        .unwrap();
    let mails = server.wait_for(1);
    let mail = one(&mails);
    assert_eq!(
        (mail.from.as_str(), &mail.to[..]),
        ("messages@tours.example", &["carl@example.com".to_owned()][..])
    );
    assert_eq!(mail.defects, [""; 0]);
    for (name, value) in [
        ("From", "Tours <messages@tours.example>"),
        ("To", "Carl Client <carl@example.com>"),
        ("Subject", "10 new messages in 4 conversations"),
        (
            "Message-ID",
            "<0190163d-8694-739b-aea5-966c26f8ad92@tours.example>",
        ),
        ("Auto-Submitted", "auto-generated"),
        ("List-Unsubscribe", "<https://tours.example/off?user=carl>"),
        ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ] {
        assert_eq!(mail.header(name), [value]);
    }
    assert!(
        mail.header("Date")[0].starts_with("Fri, 02 Jan 2026 03:34:00"),
        "{:?}",
        mail.header("Date")
    );
    let (text, html) = (mail.text.as_deref().unwrap(), mail.html.as_deref().unwrap());
    let seen = words(html);
    for fact in [
        "Carl Client",
        "10 messages that you have not read yet",
        "Alpine Trails",
        "5 new messages",
        "BK-042",
        "Hut to hut",
        "Hello Carl, the hut is open from 20 May. Shall I keep two beds for you?",
        "please bring poles. Ada",
        "2 Jan 2026, 04:04 CET",
        "notice",
        "Booking confirmed",
        "and 2 more",
        "Lake & Sail <Lugano>",
        "مرحبا! The boat leaves at 9 ⛵️ — don't be late 🙂",
        "2 more conversations",
    ] {
        assert!(text.contains(fact), "{fact} is not in the text: {text}");
        assert!(seen.contains(fact), "{fact} is not on the page: {seen}");
    }
    for link in [
        "https://tours.example/messages/0190163d-8694-739b-aea5-966c26f8ad91",
        "https://tours.example/off?user=carl",
    ] {
        assert!(text.contains(link));
        assert!(
            html.replace("&#x2f;", "/").contains(&format!("href=\"{link}\"")),
            "{html}"
        );
    }
}

#[tokio::test]
async fn a_hostile_name_subject_and_text_do_no_harm() {
    let Some(server) = SmtpServer::start("a hostile e-mail") else {
        return;
    };
    let long = "x".repeat(2_000);
    let injection = "Eve\r\nBcc: all@example.com\r\n\r\n<script>alert(1)</script>";
    let rtl = "\u{202E}gnp.exe\u{2069} שלום";
    let mut digest = digest(vec![
        conversation(
            injection,
            &["<img src=x onerror=alert(1)>", &long, ".\r\n.\r\nQUIT"],
            3,
        ),
        conversation(rtl, &["👩‍👩‍👧‍👦 🙂", rtl], 2),
    ]);
    injection.clone_into(&mut digest.name);
    mailer(&server.url(), Duration::from_secs(30))
        .send(&digest)
        .await
        .unwrap();
    let mails = server.wait_for(1);
    let mail = one(&mails);
    assert_eq!(mail.to, ["carl@example.com"]);
    assert_eq!((mail.header("Bcc"), mail.header("Subject").len()), (vec![], 1));
    assert_eq!(mail.defects, [""; 0]);
    assert!(mail.longest_line <= 998, "{}", mail.longest_line);
    let (text, html) = (mail.text.as_deref().unwrap(), mail.html.as_deref().unwrap());
    assert!(!html.contains("<script") && !html.contains("<img"), "{html}");
    assert!(
        text.contains("<img src=x onerror=alert(1)>") && words(html).contains("<img src=x onerror=alert(1)>")
    );
    for shown in [text, html] {
        assert!(shown.contains("👩‍👩‍👧‍👦 🙂") && shown.contains("שלום") && !shown.contains('\u{202E}'));
        assert!(shown.contains(&"x".repeat(199)) && !shown.contains(&"x".repeat(200)));
    }
}

#[tokio::test]
async fn the_same_digest_has_the_same_message_id_each_time() {
    let Some(server) = SmtpServer::start("a repeated e-mail") else {
        return;
    };
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    for _ in 0..2 {
        mailer.send(&usual()).await.unwrap();
    }
    let mails = server.wait_for(2);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
}

#[tokio::test]
async fn a_server_that_is_down_is_unavailable() {
    let Some(server) = SmtpServer::start("a server that is down") else {
        return;
    };
    let url = server.url();
    drop(server);
    let mailer = mailer(&url, Duration::from_secs(30));
    assert_eq!(kind(&mailer, &usual()).await, Some(MailErrorKind::Unavailable));
}

#[tokio::test]
async fn a_server_that_wants_us_to_come_back_is_unavailable_and_one_that_refuses_is_not() {
    let Some(server) = SmtpServer::start("a server that refuses") else {
        return;
    };
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    for (behaviour, expected) in [
        // `451 4.3.0`: the mail system, whoever the recipient.
        (Behaviour::Temporary, Some(MailErrorKind::Unavailable)),
        (Behaviour::Refuse, Some(MailErrorKind::Refused)),
        (Behaviour::Accept, None),
    ] {
        server.behave(behaviour);
        assert_eq!(kind(&mailer, &usual()).await, expected);
    }
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_recipient_that_is_refused_keeps_no_other_from_being_mailed() {
    let Some(server) = SmtpServer::start("a recipient that is refused") else {
        return;
    };
    server.refuse(&["carl@example.com"]);
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    assert_eq!(kind(&mailer, &usual()).await, Some(MailErrorKind::Refused));
    let mut other = usual();
    "dora@example.com".clone_into(&mut other.email);
    assert_eq!(kind(&mailer, &other).await, None);
    assert_eq!(one(&server.mails()).to, ["dora@example.com"]);
}

#[tokio::test]
async fn a_reply_is_about_the_recipient_the_sender_or_the_server_by_its_step_and_its_code() {
    let Some(server) = SmtpServer::start("replies of a server") else {
        return;
    };
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    for (command, reply, expected) in [
        ("RCPT", "452 4.2.2 mailbox full", MailErrorKind::Deferred),
        ("RCPT", "450 4.7.1 greylisted", MailErrorKind::Deferred),
        ("RCPT", "550 5.1.1 no such mailbox", MailErrorKind::Refused),
        ("RCPT", "450 4.3.2 not accepting", MailErrorKind::Unavailable),
        ("DATA", "451 filtered", MailErrorKind::Deferred),
        ("DATA", "554 5.6.0 not that", MailErrorKind::Refused),
        (
            "MAIL",
            "550 5.4.5 daily user sending limit exceeded",
            MailErrorKind::Misconfigured,
        ),
        (
            "MAIL",
            "553 5.7.1 not owned by user",
            MailErrorKind::Misconfigured,
        ),
        (
            "MAIL",
            "554 the account is suspended",
            MailErrorKind::Misconfigured,
        ),
        ("MAIL", "452 4.3.1 no room", MailErrorKind::Unavailable),
    ] {
        server.reply(command, reply);
        assert_eq!(kind(&mailer, &usual()).await, Some(expected), "{command} {reply}");
    }
    server.reply("", "");
    assert_eq!(kind(&mailer, &usual()).await, None);
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn an_address_that_the_server_cannot_be_told_is_deferred_and_keeps_no_other_waiting() {
    let Some(server) = SmtpServer::start("an address that is not ASCII") else {
        return;
    };
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    let mut foreign = usual();
    "jürgen@example.com".clone_into(&mut foreign.email);
    assert_eq!(kind(&mailer, &foreign).await, Some(MailErrorKind::Deferred));
    assert_eq!(kind(&mailer, &usual()).await, None);
    assert_eq!(one(&server.mails()).to, ["carl@example.com"]);
}

#[tokio::test]
async fn answers_go_to_the_host_or_the_e_mail_says_that_they_are_not_read() {
    let Some(server) = SmtpServer::start("answers to an e-mail") else {
        return;
    };
    let mail = DigestMail::new("Tours <messages@tours.example>", Templates::default(), Pages).unwrap();
    assert!(mail.clone().with_reply_to("no address").is_err());
    let answered = mail.clone().with_reply_to("Help <help@tours.example>").unwrap();
    for mail in [mail, answered] {
        SmtpMailer::from_url(&server.url(), mail)
            .unwrap()
            .send(&usual())
            .await
            .unwrap();
    }
    let mails = server.wait_for(2);
    let says_so = |mail: &Mail| {
        let both = [mail.text.as_deref().unwrap(), mail.html.as_deref().unwrap()];
        both.map(|text| text.contains("Answers to this e-mail are not read"))
    };
    assert_eq!(
        (mails[0].header("Reply-To"), says_so(&mails[0])),
        (vec![], [true, true])
    );
    let expected = (vec!["Help <help@tours.example>"], [false, false]);
    assert_eq!((mails[1].header("Reply-To"), says_so(&mails[1])), expected);
}

#[tokio::test]
async fn a_server_that_hangs_up_after_the_content_may_have_taken_it() {
    let Some(server) = SmtpServer::start("a server that hangs up") else {
        return;
    };
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    for (behaviour, taken) in [(Behaviour::Drop, 0), (Behaviour::TakeAndDrop, 1)] {
        server.behave(behaviour);
        assert_eq!(kind(&mailer, &usual()).await, Some(MailErrorKind::OutcomeUnknown));
        assert_eq!(server.mails().len(), taken);
    }
    // And what was lost with the connection is not missed.
    server.behave(Behaviour::Accept);
    assert_eq!(kind(&mailer, &usual()).await, None);
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_may_have_taken_it() {
    let Some(server) = SmtpServer::start("a server that is slow") else {
        return;
    };
    server.behave(Behaviour::Hold);
    let mailer = mailer(&server.url(), Duration::from_millis(300));
    assert_eq!(kind(&mailer, &usual()).await, Some(MailErrorKind::OutcomeUnknown));
    assert_eq!(server.mails().len(), 1);
}

#[test]
fn a_url_that_is_none_is_refused_without_saying_it() {
    let mail = || DigestMail::new("messages@tours.example", Templates::default(), Pages).expect("an address");
    for url in [
        "",
        "http://mail.example",
        "smtp:",
        "smtp://mail.example?tls=maybe",
        "user:secret@mail.example",
    ] {
        let refused = SmtpMailer::from_url(url, mail()).unwrap_err();
        assert!(!format!("{refused:?} {refused}").contains("secret"));
    }
    let mailer = SmtpMailer::from_url("smtps://user:secret@mail.example", mail()).unwrap();
    assert!(!format!("{mailer:?}").contains("secret"));
}
