//! Lies are such as a client can take for the truth, and forgeries such as a replica must refuse.

#![allow(clippy::unwrap_used)]

use cameo_common::api::paths;
use cameo_common::ids::{Millis, RequestId};
use cameo_common::keys::SigningKey;

use super::*;

const LIAR: NodeId = NodeId(2);
const HONEST: NodeId = NodeId(1);
const CLUSTER: ClusterId = ClusterId([7; 32]);
const GRANT: GrantId = GrantId([4; 32]);

fn post(path: &str, body: &impl Serialize) -> Request {
    Request {
        device: None,
        method: "POST",
        path: paths::fill(path, &GRANT),
        headers: Vec::new(),
        body: serde_json::to_vec(body).unwrap().into(),
    }
}

/// The first lie that a client is told.
fn lied_to(lies: &Lies, request: &Request) -> Option<Told> {
    let mut answers = (0..100).map(|_| lies.answer(LIAR, request));
    answers.find(|told| !matches!(told, Told::Truth))
}

fn view() -> Signed<ViewRequest> {
    let device = SigningKey::from_seed([3; 32]);
    let request = ViewRequest {
        device: device.public(),
        cluster: CLUSTER,
        grant: GRANT,
        request: RequestId([5; 16]),
        one_time: SealingSecret::from_bytes([6; 32]).public(),
        not_after: Millis(1_000),
    };
    Signed::new(&device, request)
}

#[test]
fn given_a_liar_when_it_is_asked_to_confirm_then_it_signs_what_it_has_not_seen() {
    let folder = tempfile::tempdir().unwrap();
    let keys = NodeKeys::load_or_create(&folder.path().join("node.key")).unwrap();
    let lies = Lies::new(1, BTreeMap::from([(LIAR, folder.path().to_owned())]));
    let asked = post(paths::CONFIRMATION, &ConfirmRights { version: 3 });
    assert!(lied_to(&lies, &asked).is_none(), "it does not lie yet");
    lies.begin(LIAR, Kind::FalseAnswers, Some(CLUSTER));
    let Some(Told::Instead(answer)) = lied_to(&lies, &asked) else {
        panic!("no confirmation");
    };
    let confirmed: Confirmed = serde_json::from_slice(&answer.body).unwrap();
    let content = confirmed.confirmation.verify().unwrap();
    assert_eq!(content.node.0, keys.public());
    assert_eq!((content.cluster, content.grant), (CLUSTER, GRANT));
    assert!(content.version > 3);
    assert!(matches!(lies.answer(HONEST, &asked), Told::Truth));
    assert!(lies.end(LIAR) > 0);
    assert!(lied_to(&lies, &asked).is_none(), "it does not lie any more");
}

#[test]
fn given_a_liar_that_was_asked_for_a_view_when_it_forges_then_the_device_has_not_signed_that() {
    let lies = Lies::new(1, BTreeMap::from([(LIAR, PathBuf::new())]));
    assert!(lies.forgery(LIAR).is_none(), "it has seen nothing");
    let seen = view();
    let asked = DebitView {
        request: seen.clone(),
    };
    lies.answer(LIAR, &post(paths::VIEWS, &asked));
    let Some(Command {
        op: Op::Debit { request },
        ..
    }) = lies.forgery(LIAR)
    else {
        panic!("no view");
    };
    let (forged, seen) = (request.unverified().unwrap(), seen.verify().unwrap());
    assert_eq!((forged.device, forged.grant), (seen.device, seen.grant));
    assert_ne!(forged.request, seen.request);
    assert_ne!(forged.one_time, seen.one_time);
    assert!(request.verify().is_err());
}

#[test]
fn given_a_part_when_it_is_spoilt_then_all_but_the_part_is_as_it_was() {
    let part = Released {
        node: LIAR,
        deal: 1,
        x: 2,
        sealed: "abc".to_owned(),
    };
    let body = serde_json::to_vec(&part).unwrap();
    let answer = Response {
        status: 200,
        body: body.into(),
    };
    let spoilt: Released = serde_json::from_slice(&spoilt(answer).body).unwrap();
    assert_ne!(spoilt.sealed, part.sealed);
    let rest = Released {
        sealed: part.sealed.clone(),
        ..spoilt
    };
    assert_eq!(rest, part);
}
