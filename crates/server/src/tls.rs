//! The server's certificate and what it asks of clients' certificates.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{WebPkiSupportedAlgorithms, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    DigitallySignedStruct, DistinguishedName, RootCertStore, ServerConfig, SignatureScheme,
};

use crate::config::ConfigError;

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let list = CertificateDer::pem_file_iter(path)
        .and_then(|all| all.collect::<Result<Vec<_>, _>>())
        .map_err(|e| e.to_string())?;
    if list.is_empty() {
        Err("no certificate found".to_string())
    } else {
        Ok(list)
    }
}

/// Reads certificate and key; `ca` verifies clients' certificates, `required` insists on one.
pub fn load(
    cert: &Path,
    key: &Path,
    ca: Option<&Path>,
    required: bool,
) -> Result<Arc<ServerConfig>, ConfigError> {
    let failed = |e: &dyn std::fmt::Display| {
        ConfigError::new(format!(
            "tls.LoadX509KeyPair({}, {}) failed: {e}",
            cert.display(),
            key.display()
        ))
    };
    let provider = Arc::new(ring::default_provider());
    let chain = certificates(cert).map_err(|e| failed(&e))?;
    let key_der = PrivateKeyDer::from_pem_file(key).map_err(|e| failed(&e))?;
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|e| failed(&e))?;
    let builder = match ca {
        Some(ca) => {
            let bad = |e: &dyn std::fmt::Display| {
                ConfigError::new(format!(
                    "unable to read CA certificate {}: {e}",
                    ca.display()
                ))
            };
            let mut roots = RootCertStore::empty();
            for c in certificates(ca).map_err(|e| bad(&e))? {
                roots.add(c).map_err(|e| bad(&e))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if required {
                verifier
            } else {
                verifier.allow_unauthenticated()
            };
            builder.with_client_cert_verifier(verifier.build().map_err(|e| bad(&e))?)
        }
        None if required => builder.with_client_cert_verifier(Arc::new(AnyCertificate {
            algorithms: provider.signature_verification_algorithms,
        })),
        None => builder.with_no_client_auth(),
    };
    builder
        .with_single_cert(chain, key_der)
        .map(Arc::new)
        .map_err(|e| failed(&e))
}

/// Where systems keep the certificates they trust.
const TRUSTED: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// How a client checks the server's certificate: `verified` asks that one of those whom the
/// system (or `SSL_CERT_FILE`) trusts vouches for it.
pub fn client_config(verified: bool) -> Result<Arc<rustls::ClientConfig>, String> {
    let provider = Arc::new(ring::default_provider());
    let algorithms = provider.signature_verification_algorithms;
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?;
    if !verified {
        return Ok(Arc::new(
            builder
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyServer { algorithms }))
                .with_no_client_auth(),
        ));
    }
    let mut roots = RootCertStore::empty();
    let own = std::env::var("SSL_CERT_FILE").ok();
    let files = own
        .iter()
        .map(String::as_str)
        .chain(TRUSTED.iter().copied());
    for file in files {
        if let Ok(list) = certificates(Path::new(file)) {
            roots.add_parsable_certificates(list);
            break;
        }
    }
    Ok(Arc::new(
        builder.with_root_certificates(roots).with_no_client_auth(),
    ))
}

/// Accepts the certificate of any server: it is known by a secret that only its own user can read.
#[derive(Debug)]
struct AnyServer {
    algorithms: WebPkiSupportedAlgorithms,
}

impl rustls::client::danger::ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// Accepts any certificate whose key the client holds.
#[derive(Debug)]
struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyCertificate {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }
    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.algorithms)
    }
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.algorithms)
    }
    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
