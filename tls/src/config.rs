//! Configurations of both ends.

use std::sync::Arc;

use cameo_common::keys::SigningKey;
use rustls::client::{AlwaysResolvesClientRawPublicKeys, Resumption};
use rustls::server::AlwaysResolvesServerRawPublicKeys;
use rustls::{ClientConfig, Error, ServerConfig};

use crate::signer::certified;
use crate::verifier::{Expected, Verifier};

/// Protocol of the client API.
pub const API_ALPN: &[u8] = b"http/1.1";

/// A server that has `key`, speaks `protocol`, and wants some Ed25519 key of each client.
///
/// # Errors
/// When the TLS library cannot be set up.
pub fn server(key: Arc<SigningKey>, protocol: &[u8]) -> Result<ServerConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Verifier::new(&provider, Expected::Any));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(AlwaysResolvesServerRawPublicKeys::new(certified(
            key,
        ))));
    config.alpn_protocols = vec![protocol.to_vec()];
    // No resumption: each connection proves its keys anew.
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// A client that has `key`, speaks `protocol`, and goes on with the `expected` server alone.
///
/// # Errors
/// When the TLS library cannot be set up.
pub fn client(
    key: Arc<SigningKey>,
    expected: Expected,
    protocol: &[u8],
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Arc::new(Verifier::new(&provider, expected));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_cert_resolver(Arc::new(AlwaysResolvesClientRawPublicKeys::new(certified(
            key,
        ))));
    config.alpn_protocols = vec![protocol.to_vec()];
    config.resumption = Resumption::disabled();
    // Names prove nothing here, and are not told to the network.
    config.enable_sni = false;
    Ok(config)
}
