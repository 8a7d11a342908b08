//! More connections than the server accepts.

use messaging_tests::eventually;

use crate::support::{answer, connect, kept, request, start, status};

#[test]
fn at_the_connection_limit_probes_are_answered_and_other_requests_get_503() {
    let (server, _data) = start(&[("MAX_CONNECTIONS", "2"), ("CLIENT_TIMEOUT", "60")]);
    let taken = [kept(&server), kept(&server)];
    // The connection that checked readiness may have used a slot beside the first of these. It has ended by
    // now, and has its own lines in the log.
    let of_start = server.log().len();
    let ask = |line: &str| answer(&server, &request(line, &[], ""));
    for probe in ["GET /healthz", "GET /readyz", "GET /metrics"] {
        assert_eq!(status(&ask(probe)), "200", "{probe}");
    }
    let refused = ask("POST /api/pusher/webhooks").to_lowercase();
    assert_eq!(status(&refused), "503", "{refused}");
    assert!(
        refused.contains("retry-after: 1") && refused.contains("unavailable"),
        "{refused}"
    );
    let metrics = ask("GET /metrics");
    assert!(
        metrics.contains("\nmessaging_server_connections_over_limit_total "),
        "{metrics}"
    );
    drop(taken);
    eventually("there is room again", || {
        (status(&ask("GET /demo/users")) == "200").then_some(())
    });
    let log = server.stop("TERM").log;
    let count = |log: &str, said| log.matches(said).count();
    assert_eq!(count(&log[of_start..], "serving all requests again"), 1, "{log}");
    assert_eq!(
        count(&log, "connection limit reached"),
        count(&log, "serving all requests again"),
        "{log}"
    );
}

/// More than the number of slots in the reserve.
#[test]
fn at_the_connection_limit_probes_are_answered_beside_silent_connections() {
    let (server, _data) = start(&[("MAX_CONNECTIONS", "1"), ("CLIENT_TIMEOUT", "60")]);
    let taken = kept(&server);
    let mut silent = Vec::new();
    for _ in 0..5 {
        silent.extend((0..100).map(|_| connect(&server)));
        let alive = answer(&server, &request("GET /healthz", &[], ""));
        assert_eq!(status(&alive), "200", "{alive}");
    }
    drop((taken, silent));
}
