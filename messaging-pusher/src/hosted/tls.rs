//! TLS with rustls: root certificates and connector.

use std::sync::Arc;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject as _},
};

use super::config::{PusherConfigError, Tls};

/// A connector for TLS only, or for plain text if so configured.
pub(super) fn connector(
    http: HttpConnector,
    tls: Tls,
    roots_pem: &[u8],
) -> Result<HttpsConnector<HttpConnector>, PusherConfigError> {
    let roots = match tls {
        Tls::On => roots(roots_pem)?,
        Tls::Off => RootCertStore::empty(),
    };
    let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| PusherConfigError::Tls(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let builder = HttpsConnectorBuilder::new().with_tls_config(client);
    let builder = match tls {
        Tls::On => builder.https_only(),
        Tls::Off => builder.https_or_http(),
    };
    Ok(builder.enable_http1().wrap_connector(http))
}

fn roots(pem: &[u8]) -> Result<RootCertStore, PusherConfigError> {
    let mut roots = RootCertStore::empty();
    // Unusable system certificates are skipped.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| PusherConfigError::Tls(error.into()))?;
        let added = roots.add(certificate);
        added.map_err(|error| PusherConfigError::Tls(error.into()))?;
    }
    if roots.is_empty() {
        return Err(PusherConfigError::Tls(
            "no root certificate is available; install the system's CA certificates".into(),
        ));
    }
    Ok(roots)
}
