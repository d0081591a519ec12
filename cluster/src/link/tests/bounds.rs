//! Attacks on the number of connections.

use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use super::*;

/// A connection from another machine, as far as its address tells.
async fn connect_from(source: &str, to: std::net::SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(source.parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

#[tokio::test]
async fn attack_handshakes_of_one_source_end_only_its_own() {
    // given a node that is slow in its handshake
    let (server, _gate) = server("127.0.0.1:0").await;
    let slow = TcpStream::connect(server.address()).await.unwrap();
    // when another machine opens more connections than may be in a handshake
    let mut flood = Vec::new();
    for _ in 0..100 {
        flood.push(connect_from("127.0.0.2:0", server.address()).await);
    }
    // then its own oldest ones are closed, and the node's is not
    for oldest in &mut flood[..30] {
        let closed = timeout(Duration::from_secs(4), oldest.read(&mut [0])).await;
        assert!(matches!(closed, Ok(Ok(0) | Err(_))), "{closed:?}");
    }
    let open = slow.try_read(&mut [0]).unwrap_err();
    assert_eq!(open.kind(), std::io::ErrorKind::WouldBlock);
}

/// A cluster whose member 3 is known by its key.
struct Knows([u8; 32]);
impl KnownMembers for Knows {
    fn cluster(&self) -> Option<ClusterId> {
        Some(CLUSTER)
    }
    fn key_of(&self, node: NodeId) -> KnownKey {
        match node {
            NodeId(3) => KnownKey::Is(self.0),
            _ => KnownKey::Unknown,
        }
    }
}

struct Pong;
impl Service for Pong {
    fn serve(&self, _: &Caller, body: Bytes) -> BoxFuture<'static, Answer> {
        Box::pin(async move {
            match &body[..] {
                b"hold" => std::future::pending().await,
                _ => Answer::Reply(body.to_vec()),
            }
        })
    }
}

fn links_of(identity: Identity) -> Links {
    Links::new(identity, TcpTransport::shared(), Handle::current()).unwrap()
}

async fn open(links: &Links, address: &str, purpose: Purpose) -> Link {
    let dial = Dial {
        node: NodeId(2),
        address: address.to_owned(),
        purpose,
        key: Some(keys(2).public()),
    };
    let link = links.dedicated(dial);
    link.ready(deadline()).await.unwrap();
    link
}

#[tokio::test]
async fn attack_connections_of_strangers_do_not_keep_members_out() {
    // given a node that knows the key of member 3
    let member = identity(3);
    let mut node = identity(2);
    node.members = Arc::new(Knows(member.keys.public()));
    let server = Server::start(node, &TcpTransport, "127.0.0.1:0".into(), Arc::new(Pong));
    let server = server.await.unwrap();
    let address = server.address().to_string();
    let member = links_of(member);
    let first = open(&member, &address, Purpose::Member).await;
    // when somebody opens as many connections as there are, under many ids
    let mut strangers = Vec::new();
    for number in 0..400 {
        let links = links_of(identity(100 + number));
        strangers.push(open(&links, &address, Purpose::Join).await);
    }
    // then the member's connection has lasted, and it opens more; beyond its share, its oldest
    // ones end
    assert_eq!(first.call(b"1", deadline()).await.unwrap(), b"1".as_slice());
    let held = first.start(b"hold").unwrap();
    let mut more = Vec::new();
    for _ in 0..10 {
        more.push(open(&member, &address, Purpose::Member).await);
    }
    let lost = held.until(deadline()).await;
    assert!(matches!(lost, Err(CallError::Lost)), "{lost:?}");
    for link in more {
        assert_eq!(link.call(b"2", deadline()).await.unwrap(), b"2".as_slice());
    }
}

#[tokio::test]
async fn attack_a_stranger_sends_nothing_long_and_calls_nothing_as_a_member() {
    let mut node = identity(2);
    node.members = Arc::new(Knows(keys(3).public()));
    let server = Server::start(node, &TcpTransport, "127.0.0.1:0".into(), Arc::new(Pong));
    let server = server.await.unwrap();
    let address = server.address().to_string();
    let links = links_of(identity(100));
    // given a connection to join
    let link = open(&links, &address, Purpose::Join).await;
    assert_eq!(link.call(b"1", deadline()).await.unwrap(), b"1".as_slice());
    // when it sends more than any request to join has, then it is cut off
    let long = link.call(&[0; 64 << 10], deadline()).await;
    assert!(matches!(long, Err(CallError::Lost)), "{long:?}");
    // nor is it a member because it says so
    let dial = Dial {
        node: NodeId(2),
        address,
        purpose: Purpose::Member,
        key: None,
    };
    let refused = links.dedicated(dial).ready(deadline()).await;
    assert!(matches!(
        refused,
        Err(CallError::Refused(Refusal::NotMember))
    ));
}
