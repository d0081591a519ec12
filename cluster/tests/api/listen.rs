//! Nodes that listen elsewhere than where the others find them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cameo_harness::free_ports;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn given_nodes_behind_forwarded_ports_when_they_start_then_they_reach_each_other_by_these() {
    const NODES: u64 = 3;
    let forwarded = Arc::new(AtomicU64::new(0));
    let counted = forwarded.clone();
    let world = World::changed(NODES, |config| {
        let listens = ([127, 0, 0, 1], free_ports(1).unwrap()[0]).into();
        let advertised = std::net::TcpListener::bind(&config.peers[&config.id]).unwrap();
        tokio::spawn(forward(advertised, listens, counted.clone()));
        config.listen = Some(listens);
    });
    let world = world.await;
    // All founders ask each other before there is a cluster.
    assert!(forwarded.load(Ordering::SeqCst) >= NODES);
    let leader = world.leader().await;
    assert_eq!(world.status(leader).await.members.len(), 3);
}

/// Forwards connections, and counts those that reach the node.
async fn forward(from: std::net::TcpListener, to: std::net::SocketAddr, counted: Arc<AtomicU64>) {
    from.set_nonblocking(true).unwrap();
    let from = TcpListener::from_std(from).unwrap();
    loop {
        let (mut outside, _) = from.accept().await.unwrap();
        let counted = counted.clone();
        tokio::spawn(async move {
            // The node may not listen yet: the others ask again.
            let Ok(mut inside) = TcpStream::connect(to).await else {
                return;
            };
            counted.fetch_add(1, Ordering::SeqCst);
            // Either end may end it.
            drop(copy_bidirectional(&mut outside, &mut inside).await);
        });
    }
}
