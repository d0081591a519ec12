//! TLS of the clients. They take any key of a node: who judges a cluster has started it.

use std::io;
use std::sync::Arc;

use cameo_common::keys::SigningKey;
use cameo_tls::{API_ALPN, Expected};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Seed of the key of a client without a device.
const NOBODY: [u8; 32] = [0x5a; 32];

/// Proves the device's key on a connection.
pub(super) async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    device: Option<Arc<SigningKey>>,
    stream: S,
) -> io::Result<TlsStream<S>> {
    let device = device.unwrap_or_else(|| Arc::new(SigningKey::from_seed(NOBODY)));
    let config = cameo_tls::client(device, Expected::Any, API_ALPN).map_err(io::Error::other)?;
    let name = "node.cameo.invalid".try_into().map_err(io::Error::other)?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}
