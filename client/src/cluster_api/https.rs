//! HTTP over TLS: the device proves its key, and each node has to prove its own.

use std::collections::HashMap;
use std::sync::Arc;

use cameo_common::keys::{PublicKey, SigningKey};
use cameo_tls::{API_ALPN, Expected};
use parking_lot::Mutex;

use super::{CONNECT_DEADLINE, ClusterError, IDLE_TIMEOUT};

/// Most nodes whose connections are kept. Above it all are closed, and opened anew when needed.
const MAX_NODES_KEPT: usize = 256;

/// The HTTP clients of one device: one for each key that a node has to have, because connections
/// are kept by address alone.
pub(super) struct Https {
    device: Arc<SigningKey>,
    anyone: reqwest::Client,
    nodes: Mutex<HashMap<PublicKey, reqwest::Client>>,
}

impl Https {
    pub fn new(device: Arc<SigningKey>) -> Result<Self, ClusterError> {
        Ok(Self {
            anyone: client(device.clone(), Expected::Any)?,
            device,
            nodes: Mutex::default(),
        })
    }

    /// Calls at an address of which nobody knows yet who is there. For answers that prove
    /// themselves.
    pub fn anyone(&self) -> &reqwest::Client {
        &self.anyone
    }

    /// Calls that only the node with this key gets.
    pub fn node(&self, key: PublicKey) -> Result<reqwest::Client, ClusterError> {
        let mut nodes = self.nodes.lock();
        if let Some(known) = nodes.get(&key) {
            return Ok(known.clone());
        }
        if nodes.len() >= MAX_NODES_KEPT {
            nodes.clear();
        }
        let client = client(self.device.clone(), Expected::This(key))?;
        nodes.insert(key, client.clone());
        Ok(client)
    }
}

fn client(device: Arc<SigningKey>, expected: Expected) -> Result<reqwest::Client, ClusterError> {
    let setup = |why: String| ClusterError::Setup(why);
    let tls = cameo_tls::client(device, expected, API_ALPN).map_err(|e| setup(e.to_string()))?;
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .tls_info(true)
        .https_only(true)
        .connect_timeout(CONNECT_DEADLINE)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| setup(error.to_string()))
}

/// The key of the node that has answered.
pub(super) fn key_of(response: &reqwest::Response) -> Option<PublicKey> {
    let info = response.extensions().get::<reqwest::tls::TlsInfo>()?;
    cameo_tls::key_of_certificate(info.peer_certificate()?).ok()
}
