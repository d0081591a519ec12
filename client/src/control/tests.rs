//! Verbs reach peers through the agent as if they had an endpoint of their own.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use serde::{Deserialize, Serialize};
use tokio::io::duplex;
use tokio::net::UnixListener;
use tokio::sync::Notify;

use super::*;
use crate::flows::notices::{Notice, Notices};
use crate::peer::{
    Answer, AskError, Body, DeviceKey, Handler, MemoryNetwork, PeerMessage, PeerTransport,
    ReceivedBody, ask, serve,
};

#[derive(Debug, Serialize, Deserialize)]
struct Echo(u64);
impl PeerMessage for Echo {
    fn body_length(&self) -> u64 {
        self.0
    }
}

/// Sends back what it gets; admits one device only.
struct Mirror(DeviceKey);
impl Handler<Echo, Echo> for Mirror {
    fn admits(&self, device: &DeviceKey) -> bool {
        *device == self.0
    }
    async fn handle(
        &self,
        _: DeviceKey,
        request: Echo,
        body: Option<ReceivedBody>,
    ) -> Answer<Echo> {
        let body = body.unwrap().collect(1 << 30).await.unwrap();
        Answer::with_body(request, Body::bytes(body))
    }
}

const AGENT: DeviceKey = [1; 32];
const PEER: DeviceKey = [2; 32];
const DEADLINE: Duration = Duration::from_secs(20);

struct World {
    _folder: tempfile::TempDir,
    home: Home,
    peer: PeerAddress,
    notices: Notices,
}

/// An agent with a control socket, and a peer that admits one device.
async fn world(admitted: DeviceKey) -> World {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let network = MemoryNetwork::new();
    let agent = network.bind(AGENT);
    let mirror = network.bind(PEER);
    let peer = PeerAddress {
        device: PEER,
        direct: mirror.local_addresses(),
    };
    tokio::spawn(serve(mirror, Arc::new(Mirror(admitted))));
    let notices = Notices::default();
    let doors = Doors {
        transport: agent,
        notices: notices.clone(),
        wake: Arc::new(Notify::new()),
    };
    tokio::spawn(ControlServer::bind(&home).unwrap().serve(doors));
    World {
        _folder: folder,
        home,
        peer,
        notices,
    }
}

#[tokio::test]
async fn a_body_goes_through_the_agent_and_back() {
    let world = world(AGENT).await;
    let through = ControlTransport::to(&world.home, AGENT);
    assert_eq!(answers(&world.home).await, Ok(true));
    let bytes: Vec<u8> = (0..300_000u32).map(|n| n as u8).collect();
    let request = Echo(bytes.len() as u64);
    let body = Some(Body::bytes(bytes.clone()));
    let asked = ask::<Echo, Echo>(&through, &world.peer, &request, body, DEADLINE).await;
    let (_, body) = asked.unwrap();
    assert_eq!(body.unwrap().collect(1 << 30).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_refusal_is_told_as_such() {
    let world = world([9; 32]).await;
    let through = ControlTransport::to(&world.home, AGENT);
    let body = Some(Body::bytes(vec![1; 10]));
    let refused = ask::<Echo, Echo>(&through, &world.peer, &Echo(10), body, DEADLINE).await;
    assert!(matches!(refused, Err(AskError::Rejected)), "{refused:?}");
}

#[tokio::test]
async fn a_peer_that_is_not_there_is_unreachable() {
    let world = world(AGENT).await;
    let through = ControlTransport::to(&world.home, AGENT);
    let nobody = PeerAddress {
        device: [7; 32],
        direct: vec![],
    };
    let body = Some(Body::bytes(vec![1; 10]));
    let lost = ask::<Echo, Echo>(&through, &nobody, &Echo(10), body, DEADLINE).await;
    assert!(lost.unwrap_err().is_offline());
    let another = PeerAddress {
        device: [7; 32],
        ..world.peer.clone()
    };
    let body = Some(Body::bytes(vec![1; 10]));
    let wrong = ask::<Echo, Echo>(&through, &another, &Echo(10), body, DEADLINE).await;
    assert!(matches!(wrong, Err(AskError::WrongIdentity)), "{wrong:?}");
}

#[tokio::test]
async fn a_verb_follows_what_happens() {
    let world = world(AGENT).await;
    let mut following = follow(&world.home).await.unwrap();
    let notice = Notice::Session { epoch: 3 };
    world.notices.tell(notice.clone());
    assert_eq!(following.next().await.unwrap(), notice);
    assert!(wake(&world.home).await);
}

#[tokio::test]
async fn a_notice_that_was_waited_for_halfway_is_not_lost() {
    let (mut agent, verb) = duplex(1024);
    let mut notices = Messages::of(verb);
    let (first, second) = (Notice::Session { epoch: 3 }, Notice::Session { epoch: 4 });
    let mut bytes = Vec::new();
    write(&mut bytes, &first).await.unwrap();
    write(&mut bytes, &second).await.unwrap();
    let mut heard = Vec::new();
    for byte in bytes {
        agent.write_all(&[byte]).await.unwrap();
        // Each wait is given up when nothing more has come.
        heard.extend(notices.next::<Notice>().now_or_never());
    }
    let heard: Vec<Notice> = heard.into_iter().map(Result::unwrap).collect();
    assert_eq!(heard, [first, second]);
    drop(agent);
    assert!(notices.next::<Notice>().await.is_err());
}

#[tokio::test]
async fn a_home_without_an_agent_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    assert_eq!(answers(&home).await, Ok(false));
    assert!(!wake(&home).await);
    assert!(follow(&home).await.is_none());
}

#[tokio::test]
async fn a_long_path_is_no_hindrance() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("x".repeat(150))).unwrap();
    let server = ControlServer::bind(&home).unwrap();
    let agent = MemoryNetwork::new().bind(AGENT);
    let doors = Doors {
        transport: agent,
        notices: Notices::default(),
        wake: Arc::new(Notify::new()),
    };
    tokio::spawn(server.serve(doors));
    assert_eq!(answers(&home).await, Ok(true));
}

#[tokio::test]
async fn an_agent_of_another_version_is_to_be_started_anew() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let socket = UnixListener::bind(home.path().join(SOCKET)).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let _: ControlRequest = read(&mut stream).await.unwrap();
        let reply = ControlReply::UnknownVersion { known: 1 };
        write(&mut stream, &reply).await.unwrap();
    });
    let failure = crate::cli::exit::Failure::from(answers(&home).await.unwrap_err());
    assert_eq!(failure.code, "agent_version");
    assert!(failure.message.contains("`cameo agent`"), "{failure}");
}
