//! TLS: trusted certificates, and no plain text.

use std::{net::SocketAddr, sync::Arc};

use messaging_core::{
    clock::ManualClock, transport::TransportErrorKind::Unavailable, transport::realtime::Realtime as _,
};
use messaging_pusher::{PusherOptions, PusherServer, Tls};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use crate::support::{
    fault_server::FaultServer,
    hosted::{Fixture, at, event, kind, pusher},
};

/// A TLS server named `localhost`, and its certificate in PEM.
async fn tls_server() -> (FaultServer, String) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = FaultServer::at(listener.local_addr().unwrap());
    let accepting = server.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, server) = (acceptor.clone(), accepting.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    server.serve(stream).await;
                }
            });
        }
    });
    (server, cert.pem())
}

fn at_localhost(address: SocketAddr, options: PusherOptions) -> messaging_pusher::PusherRealtime {
    let server = PusherServer::host("localhost", address.port(), Tls::On).unwrap();
    pusher(server, options, &ManualClock::new())
}

#[tokio::test]
async fn a_server_with_a_trusted_certificate_is_used() {
    let (server, certificate) = tls_server().await;
    let trusting = PusherOptions::default().with_root_certificates(certificate);
    let pusher = at_localhost(server.address, trusting);
    for _ in 0..3 {
        assert_eq!(kind(pusher.publish(&[event("{}")]).await), None);
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 1));
}

#[tokio::test]
async fn a_server_with_an_untrusted_certificate_or_another_name_receives_no_request() {
    let (server, certificate) = tls_server().await;
    let without_certificate = at_localhost(server.address, PusherOptions::default());
    assert_eq!(
        kind(without_certificate.publish(&[event("{}")]).await),
        Some(Unavailable)
    );
    let trusting = PusherOptions::default().with_root_certificates(certificate);
    let other_name = at(server.address, Tls::On, trusting, &ManualClock::new());
    assert_eq!(kind(other_name.publish(&[event("{}")]).await), Some(Unavailable));
    assert_eq!(server.requests().len(), 0);
}

#[tokio::test]
async fn plain_text_is_never_sent_when_tls_is_configured() {
    let fixture = Fixture::open().await;
    let with_tls = at(
        fixture.server.address,
        Tls::On,
        PusherOptions::default(),
        &fixture.clock,
    );
    assert_eq!(kind(with_tls.publish(&[event("{}")]).await), Some(Unavailable));
    assert_eq!(fixture.server.requests().len(), 0);
}
