//! TLS of the links, and the session's secret bytes.
//!
//! TLS gives the peer's key. The hello decides whether the key is accepted; it is bound to the TLS
//! session by an exporter, as RFC 9266 does.

use std::sync::Arc;

use cameo_tls::Expected;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, Error, ServerConfig};

use super::node_key::NodeKeys;

const ALPN: &[u8] = b"cameo-link/1";
/// Required by the TLS library as the server's name; not sent and not checked.
const SERVER_NAME: &str = "node.cameo.invalid";
const EXPORTER_LABEL: &[u8] = b"EXPORTER-cameo-link-1";

/// This node's TLS configurations.
#[derive(Clone)]
pub(super) struct Tls {
    pub client: Arc<ClientConfig>,
    pub server: Arc<ServerConfig>,
}

impl Tls {
    pub fn new(keys: &NodeKeys) -> Result<Self, Error> {
        let key = Arc::new(keys.signing_key());
        Ok(Self {
            client: Arc::new(cameo_tls::client(key.clone(), Expected::Any, ALPN)?),
            server: Arc::new(cameo_tls::server(key, ALPN)?),
        })
    }

    pub fn server_name() -> Result<ServerName<'static>, Error> {
        ServerName::try_from(SERVER_NAME).map_err(|e| Error::General(e.to_string()))
    }
}

/// Result of a TLS handshake: the peer's key, and secret bytes that are unique to the session.
pub(super) struct Session {
    pub peer_key: [u8; 32],
    pub exporter: [u8; 32],
}

impl Session {
    pub fn of_client(connection: &rustls::ClientConnection) -> Result<Self, Error> {
        Ok(Self {
            peer_key: cameo_tls::peer_key(connection.peer_certificates())?.0,
            exporter: connection.export_keying_material([0; 32], EXPORTER_LABEL, None)?,
        })
    }

    pub fn of_server(connection: &rustls::ServerConnection) -> Result<Self, Error> {
        Ok(Self {
            peer_key: cameo_tls::peer_key(connection.peer_certificates())?.0,
            exporter: connection.export_keying_material([0; 32], EXPORTER_LABEL, None)?,
        })
    }
}
