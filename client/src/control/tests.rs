//! Commands that use the agent's endpoint over the control socket.

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

/// Echoes the body; admits one device only.
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
    let deps = ControlDeps {
        transport: agent,
        notices: notices.clone(),
        wake: Arc::new(Notify::new()),
        pages: crate::viewer::HostedPages::default(),
    };
    tokio::spawn(ControlServer::bind(&home).unwrap().serve(deps));
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
async fn a_peer_s_refusal_is_passed_on() {
    let world = world([9; 32]).await;
    let through = ControlTransport::to(&world.home, AGENT);
    let body = Some(Body::bytes(vec![1; 10]));
    let refused = ask::<Echo, Echo>(&through, &world.peer, &Echo(10), body, DEADLINE).await;
    assert!(matches!(refused, Err(AskError::Rejected)), "{refused:?}");
}

#[tokio::test]
async fn a_missing_peer_is_unreachable_and_another_device_is_not_accepted() {
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
async fn a_command_receives_notices_and_wakes_the_agent() {
    let world = world(AGENT).await;
    let mut following = follow(&world.home).await.unwrap();
    let notice = Notice::Session { epoch: 3 };
    world.notices.publish(notice.clone());
    assert_eq!(following.next().await.unwrap(), notice);
    assert!(wake(&world.home).await);
}

#[tokio::test]
async fn waiting_for_a_notice_is_cancel_safe() {
    let (mut agent, command) = duplex(1024);
    let mut notices = Messages::of(command);
    let (first, second) = (Notice::Session { epoch: 3 }, Notice::Session { epoch: 4 });
    let mut bytes = Vec::new();
    write(&mut bytes, &first).await.unwrap();
    write(&mut bytes, &second).await.unwrap();
    let mut received = Vec::new();
    for byte in bytes {
        agent.write_all(&[byte]).await.unwrap();
        // Each wait is cancelled when no message is complete.
        received.extend(notices.next::<Notice>().now_or_never());
    }
    let received: Vec<Notice> = received.into_iter().map(Result::unwrap).collect();
    assert_eq!(received, [first, second]);
    drop(agent);
    assert!(notices.next::<Notice>().await.is_err());
}

#[tokio::test]
async fn without_an_agent_nothing_answers() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    assert_eq!(answers(&home).await, Ok(false));
    assert!(!wake(&home).await);
    assert!(follow(&home).await.is_none());
}

#[tokio::test]
async fn a_home_with_a_long_path_has_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path().join("x".repeat(150))).unwrap();
    let server = ControlServer::bind(&home).unwrap();
    let agent = MemoryNetwork::new().bind(AGENT);
    let deps = ControlDeps {
        transport: agent,
        notices: Notices::default(),
        wake: Arc::new(Notify::new()),
        pages: crate::viewer::HostedPages::default(),
    };
    tokio::spawn(server.serve(deps));
    assert_eq!(answers(&home).await, Ok(true));
}

#[tokio::test]
async fn an_agent_of_another_version_is_reported_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let socket = UnixListener::bind(home.path().join(SOCKET)).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.unwrap();
        let _: ControlRequest = read(&mut stream).await.unwrap();
        let reply = ControlReply::UnknownVersion { known: 1 };
        write(&mut stream, &reply).await.unwrap();
    });
    let OtherVersion = answers(&home).await.unwrap_err();
    let told = OtherVersion.to_string();
    assert!(told.contains("`cameo agent`"), "{told}");
}
