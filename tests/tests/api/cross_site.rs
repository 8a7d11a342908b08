//! Requests that a browser sends from another site.

use serde_json::json;

use crate::support::{answer, request, start, status};

#[test]
fn another_site_cannot_use_a_users_cookie() {
    let (server, _data) = start(&[]);
    let open = |headers: &[&str]| {
        let headers = [&["Content-Type: application/json"], headers].concat();
        answer(
            &server,
            &request(
                "POST /api/messages/conversations",
                &headers,
                r#"{"agentId": "agency-1"}"#,
            ),
        )
    };
    let cookie = "Cookie: demo_user=client-1";
    for elsewhere in [
        "Sec-Fetch-Site: cross-site",
        "Sec-Fetch-Site: same-site",
        "Origin: http://evil.example",
        "Origin: null",
    ] {
        let refused = open(&[cookie, elsewhere]);
        assert!(
            status(&refused) == "403" && refused.contains("cross_site"),
            "{elsewhere}: {refused}"
        );
    }
    assert_eq!(status(&open(&[cookie, "Sec-Fetch-Site: same-origin"])), "201");
    for here in ["Sec-Fetch-Site: none", "Origin: http://here", "Accept: */*"] {
        assert_eq!(status(&open(&[cookie, here])), "200", "{here}");
    }
    let named = open(&["X-Demo-User: client-1", "Origin: http://evil.example"]);
    assert_eq!(status(&named), "200", "another site cannot set this header");
    // With both, a browser may have added the cookie.
    let both = open(&[cookie, "X-Demo-User: client-1", "Origin: http://evil.example"]);
    assert_eq!(status(&both), "403");
}

#[test]
fn every_method_refuses_cross_site_cookies() {
    let (server, _data) = start(&[]);
    let document = server.anonymous().get("/api/messages/openapi.json").unwrap().body;
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        if path == "/pusher/webhooks" || path == "/messages/openapi.json" {
            continue;
        }
        let path = path.replace("{id}", "0190163d-8694-739b-aea5-966c26f8ad91");
        let methods = operations
            .as_object()
            .unwrap()
            .keys()
            .map(|name| name.to_uppercase());
        for method in
            methods.filter(|name| ["GET", "PUT", "POST", "PATCH", "DELETE"].contains(&name.as_str()))
        {
            // A route for GET answers HEAD, too.
            let also = (method == "GET").then(|| "HEAD".to_owned());
            for method in [Some(method), also].into_iter().flatten() {
                let line = format!("{method} /api{path}");
                for site in ["cross-site", "same-site"] {
                    let site = format!("Sec-Fetch-Site: {site}");
                    let cookie = "Cookie: demo_user=admin-1";
                    let refused = answer(&server, &request(&line, &[cookie, &site], ""));
                    assert_eq!(status(&refused), "403", "{line} {site}: {refused}");
                    assert!(
                        method == "HEAD" || refused.contains("cross_site"),
                        "{line} {site}: {refused}"
                    );
                    let named = ["X-Demo-User: admin-1", &site];
                    let named = answer(&server, &request(&line, &named, ""));
                    assert!(!named.contains("cross_site"), "{line} {site}: {named}");
                }
                let own = ["Cookie: demo_user=admin-1", "Sec-Fetch-Site: same-origin"];
                let own = answer(&server, &request(&line, &own, ""));
                assert!(!own.contains("cross_site"), "{line}: {own}");
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

#[test]
fn another_site_can_neither_mark_as_read_nor_view_as_an_admin() {
    let (server, _data) = start(&[]);
    let [client, agent, admin] = ["client-1", "agent-1", "admin-1"].map(|user| server.caller(user));
    let opened = client
        .post("/api/messages/conversations", &json!({"agentId": "agency-1"}))
        .unwrap();
    let id = opened.body["data"]["id"].as_str().unwrap().to_owned();
    let sent = agent.post(
        "/api/messages",
        &json!({"conversationId": id, "content": "Hello"}),
    );
    assert_eq!(sent.unwrap().status, 201);
    let history = format!("GET /api/messages?conversationId={id}");
    let elsewhere = "Sec-Fetch-Site: cross-site";
    for who in ["client-1", "admin-1"] {
        let cookie = format!("Cookie: demo_user={who}");
        for headers in [
            &[&cookie, elsewhere][..],
            &[&cookie, elsewhere, "Origin: http://evil.example"],
        ] {
            let refused = answer(&server, &request(&history, headers, ""));
            assert!(
                status(&refused) == "403" && refused.contains("cross_site"),
                "{refused}"
            );
        }
    }
    let unread = client.get("/api/messages/unread").unwrap();
    assert_eq!(unread.body["data"]["unreadCount"], 1);
    let audit = admin.get("/api/messages/admin/audit").unwrap();
    let looks = audit.body["data"].as_array().unwrap();
    let of_history = |look: &&serde_json::Value| look["conversationId"] == id.as_str();
    assert_eq!(looks.iter().filter(of_history).count(), 0, "{looks:?}");
}

#[test]
fn requests_from_the_public_origin_are_accepted() {
    let (server, _data) = start(&[("PUBLIC_URL", "https://tours.example/")]);
    let cookie = "Cookie: demo_user=client-1";
    for (origin, expected) in [("https://tours.example", "200"), ("https://evil.example", "403")] {
        let origin = format!("Origin: {origin}");
        let headers = [cookie, "Sec-Fetch-Site: same-site", &origin];
        let read = answer(&server, &request("GET /api/messages/unread", &headers, ""));
        assert_eq!(status(&read), expected, "{origin}");
    }
}

#[test]
fn cors_allows_no_other_origin() {
    let (server, _data) = start(&[]);
    let ask = [
        "Origin: http://evil.example",
        "Access-Control-Request-Method: POST",
        "Access-Control-Request-Headers: x-demo-user",
    ];
    for line in [
        "OPTIONS /api/messages",
        "GET /api/messages/unread",
        "GET /demo/users",
        "OPTIONS /demo/bookings",
    ] {
        let answer = answer(&server, &request(line, &ask, "")).to_lowercase();
        assert!(!answer.contains("access-control-allow"), "{line}: {answer}");
    }
}
