//! The network of a test's nodes.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};

use crate::link::{Accept, Stream, TcpTransport, Transport};

/// TCP on ports that are reserved before any node starts. Connections to one address can be
/// blocked.
pub struct ReservedPorts {
    pub reserved: Mutex<BTreeMap<String, std::net::TcpListener>>,
    pub blocked: watch::Sender<Option<String>>,
    /// Signals a connection attempt to the blocked address.
    pub dialled: Arc<Notify>,
}

impl Transport for ReservedPorts {
    fn connect(&self, address: String) -> BoxFuture<'static, io::Result<Box<dyn Stream>>> {
        let (mut blocked, dialled) = (self.blocked.subscribe(), self.dialled.clone());
        Box::pin(async move {
            let is_blocked = |blocked: &Option<String>| blocked.as_ref() == Some(&address);
            if is_blocked(&blocked.borrow()) {
                dialled.notify_one();
            }
            let open = blocked.wait_for(|blocked| !is_blocked(blocked)).await;
            open.map_err(io::Error::other)?;
            TcpTransport.connect(address).await
        })
    }

    fn listen(&self, address: String) -> BoxFuture<'static, io::Result<Box<dyn Accept>>> {
        drop(self.reserved.lock().unwrap().remove(&address));
        TcpTransport.listen(address)
    }
}
