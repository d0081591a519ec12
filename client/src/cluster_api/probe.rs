//! A look at addresses before anything is sent to them.

use std::io;

use cameo_common::cluster_address::host_and_port;
use futures_util::future::join_all;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::CONNECT_DEADLINE;

/// Whether a connection to every one of these base URLs is refused at once: no program listens
/// there. An address that does not answer may be reached later.
pub async fn all_refuse(urls: &[String]) -> bool {
    let refuses = join_all(urls.iter().map(|url| refuses(url))).await;
    !refuses.is_empty() && refuses.into_iter().all(|refuses| refuses)
}

async fn refuses(url: &str) -> bool {
    let Ok(address) = host_and_port(url) else {
        return false;
    };
    let connecting = timeout(CONNECT_DEADLINE, TcpStream::connect(address)).await;
    matches!(connecting, Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn only_addresses_where_nothing_listens_are_given_up_at_once() {
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = |listener: &TcpListener| format!("https://{}", listener.local_addr().unwrap());
        let (there, gone) = (at(&open), at(&closed));
        drop(closed);
        assert!(all_refuse(std::slice::from_ref(&gone)).await);
        assert!(!all_refuse(&[gone, there]).await);
        assert!(!all_refuse(&[]).await);
    }
}
