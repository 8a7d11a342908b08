//! The received e-mail, parsed by an independent library.

use std::time::Duration;

use messaging_core::transport::mailer::Mailer as _;
use messaging_lettre::{DigestMail, SmtpMailer, Templates};
use messaging_test_smtp::{Mail, SmtpServer};

use crate::support::{
    digests::{Pages, conversation, digest, sample_digest},
    smtp::{mailer, one, visible_text},
};

#[tokio::test]
async fn text_and_html_parts_have_the_same_content() {
    let Some(server) = SmtpServer::start("an e-mail") else {
        return;
    };
    mailer(&server.url(), Duration::from_secs(30))
        .send(&sample_digest())
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
    let seen = visible_text(html);
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
async fn hostile_names_and_texts_are_neutralised() {
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
        text.contains("<img src=x onerror=alert(1)>")
            && visible_text(html).contains("<img src=x onerror=alert(1)>")
    );
    for shown in [text, html] {
        assert!(shown.contains("👩‍👩‍👧‍👦 🙂") && shown.contains("שלום") && !shown.contains('\u{202E}'));
        assert!(shown.contains(&"x".repeat(199)) && !shown.contains(&"x".repeat(200)));
    }
}

#[tokio::test]
async fn the_same_digest_has_the_same_message_id() {
    let Some(server) = SmtpServer::start("a repeated e-mail") else {
        return;
    };
    let mailer = mailer(&server.url(), Duration::from_secs(30));
    for _ in 0..2 {
        mailer.send(&sample_digest()).await.unwrap();
    }
    let mails = server.wait_for(2);
    assert_eq!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
}

#[tokio::test]
async fn an_e_mail_has_a_reply_address_or_states_that_replies_are_not_read() {
    let Some(server) = SmtpServer::start("answers to an e-mail") else {
        return;
    };
    let mail = DigestMail::new("Tours <messages@tours.example>", Templates::default(), Pages).unwrap();
    assert!(mail.clone().with_reply_to("no address").is_err());
    let answered = mail.clone().with_reply_to("Help <help@tours.example>").unwrap();
    for mail in [mail, answered] {
        SmtpMailer::from_url(&server.url(), mail)
            .unwrap()
            .send(&sample_digest())
            .await
            .unwrap();
    }
    let mails = server.wait_for(2);
    let says_replies_are_ignored = |mail: &Mail| {
        let both = [mail.text.as_deref().unwrap(), mail.html.as_deref().unwrap()];
        both.map(|text| text.contains("Answers to this e-mail are not read"))
    };
    assert_eq!(
        (mails[0].header("Reply-To"), says_replies_are_ignored(&mails[0])),
        (vec![], [true, true])
    );
    let expected = (vec!["Help <help@tours.example>"], [false, false]);
    assert_eq!(
        (mails[1].header("Reply-To"), says_replies_are_ignored(&mails[1])),
        expected
    );
}
