//! Views from debit to photo: charged once, released to the one-time key of the debit only.

use cameo_common::api::{
    DebitView, Debited, GrantInfo, LogInfo, PutRights, ReleasePart, Released, paths,
};
use cameo_common::ids::{NodeId, RequestId};
use cameo_common::keys::SealingSecret;
use cameo_common::rights::Rights;
use cameo_common::sealing::{
    PartContext, ReleaseContext, combine, open_photo, open_release, open_viewer_share,
};
use cameo_common::signed::Signed;
use cameo_common::statements::ViewRequest;
use data_encoding::BASE64URL_NOPAD;
use futures_util::FutureExt as _;
use futures_util::future::{join, join_all};

use crate::http::Answer;
use crate::person::{Person, Shared, now, random};
use crate::world::World;

pub fn view_request(
    world: &World,
    viewer: &Person,
    shared: &Shared,
    id: [u8; 16],
    key: &SealingSecret,
) -> Signed<ViewRequest> {
    let request = ViewRequest {
        device: viewer.device.public(),
        cluster: world.cluster,
        grant: shared.grant,
        request: RequestId(id),
        one_time: key.public(),
        not_after: now().plus_millis(60_000),
    };
    Signed::new(&viewer.device, request)
}

pub async fn debit(
    world: &World,
    node: impl Into<NodeId>,
    viewer: &Person,
    shared: &Shared,
    request: &Signed<ViewRequest>,
) -> Answer {
    let path = paths::fill(paths::VIEWS, &shared.grant);
    let body = DebitView {
        request: request.clone(),
    };
    viewer.post(world, node, &path, &body).await
}

pub async fn part(
    world: &World,
    node: impl Into<NodeId>,
    viewer: &Person,
    shared: &Shared,
    request: &Signed<ViewRequest>,
    index: impl Into<Option<u64>>,
) -> Answer {
    let path = paths::fill(paths::PARTS, &shared.grant);
    let body = ReleasePart {
        request: request.clone(),
        index: index.into(),
    };
    viewer.post(world, node, &path, &body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debited_view_opens_the_photo_with_any_majority_of_parts() {
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let photo = b"every byte of this photo".repeat(100);
    let shared = ada.share(&world, &bob, &photo, 2).await;

    // Given the same view request at two nodes
    let key = SealingSecret::from_bytes(random());
    let request = view_request(&world, &bob, &shared, [1; 16], &key);
    let debited: Debited = debit(&world, 2, &bob, &shared, &request).await.read();
    let again: Debited = debit(&world, 3, &bob, &shared, &request).await.read();
    // it is charged once, with the same reply.
    assert_eq!(debited, again);
    assert_eq!((debited.number, debited.used, debited.left), (1, 1, 1));
    let path = paths::fill(paths::GRANT, &shared.grant);
    let info: GrantInfo = ada.get(&world, 3, &path).await.read();
    assert_eq!((info.used, info.left), (1, 1));

    // When two of three nodes release their parts, the photo opens unchanged.
    let deal = debited.deal.verify().unwrap();
    let mut opened = Vec::new();
    for node in [NodeId(3), NodeId(1)] {
        let released: Released = part(&world, node, &bob, &shared, &request, debited.index)
            .await
            .read();
        assert_eq!((released.node, released.deal), (node, 1));
        let dealt = deal.parts.iter().find(|part| part.node == node).unwrap();
        let context = ReleaseContext {
            part: PartContext::of(&deal, dealt),
            request: RequestId([1; 16]),
            request_hash: request.hash(),
        };
        let sealed = BASE64URL_NOPAD.decode(released.sealed.as_bytes()).unwrap();
        // Another one-time key does not open it.
        let other = SealingSecret::from_bytes(random());
        assert!(open_release(&other, &context, dealt, &sealed).is_err());
        opened.push(open_release(&key, &context, dealt, &sealed).unwrap());
    }
    let cluster_share = combine(&deal, &opened).unwrap();
    let viewer_share = open_viewer_share(&bob.sealing, &shared.grant, &shared.payload).unwrap();
    let commitment = &shared.manifest.key_commitment;
    let opened = open_photo(
        &shared.grant,
        &shared.payload,
        commitment,
        &viewer_share,
        &cluster_share,
    )
    .unwrap();
    assert_eq!(*opened.bytes, photo);
    assert_eq!(shared.deal, deal);

    // The owner reads the view, and the viewer may not.
    let path = paths::fill(paths::GRANT_LOG, &shared.grant);
    let log: LogInfo = ada.get(&world, 2, &path).await.read();
    assert_eq!(log.views.len(), 1);
    assert_eq!(log.views[0].request, request);
    let certificate = log.certificates[0].verify().unwrap();
    assert_eq!(log.certificates[0].hash(), log.views[0].certificate);
    assert_eq!(certificate.user, bob.identity.public());
    assert_eq!(bob.get(&world, 2, &path).await.code(), "not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_asked_for_beside_the_debit_comes_when_the_view_is_charged() {
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, b"photo", 1).await;
    let key = SealingSecret::from_bytes(random());
    let request = view_request(&world, &bob, &shared, [1; 16], &key);
    // given calls for parts of a view that is not charged yet, at all nodes
    let early = (1..=3).map(|node| part(&world, node, &bob, &shared, &request, None));
    let mut early = Box::pin(join_all(early));
    assert!((&mut early).now_or_never().is_none());
    // when it is charged, then all release theirs
    let (parts, charged) = join(early, debit(&world, 1, &bob, &shared, &request)).await;
    let debited: Debited = charged.read();
    let deal = debited.deal.verify().unwrap();
    let opened = parts.iter().zip(1u64..).map(|(answer, node)| {
        let released: Released = answer.read();
        assert_eq!((released.node, released.deal), (NodeId(node), 1));
        let dealt = deal
            .parts
            .iter()
            .find(|part| part.node == released.node)
            .unwrap();
        let context = ReleaseContext {
            part: PartContext::of(&deal, dealt),
            request: RequestId([1; 16]),
            request_hash: request.hash(),
        };
        let sealed = BASE64URL_NOPAD.decode(released.sealed.as_bytes()).unwrap();
        open_release(&key, &context, dealt, &sealed).unwrap()
    });
    let opened: Vec<_> = opened.take(2).collect();
    assert!(combine(&deal, &opened).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_part_that_is_asked_for_early_is_not_released_without_a_debit() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, b"photo", 1).await;
    let key = SealingSecret::from_bytes(random());
    let request = |id| view_request(&world, &bob, &shared, [id; 16], &key);
    // given a grant whose only view is charged, for which another call waits
    let (first, second) = (request(1), request(2));
    let waiting = part(&world, 1, &bob, &shared, &second, None);
    let (waiting, charged) = join(waiting, debit(&world, 1, &bob, &shared, &first)).await;
    // then it gets nothing by that, and so does the same id with another one-time key
    assert_eq!(
        (charged.status, waiting.code().as_str()),
        (200, "not_debited")
    );
    let other = SealingSecret::from_bytes(random());
    let swapped = view_request(&world, &bob, &shared, [1; 16], &other);
    let answer = part(&world, 1, &bob, &shared, &swapped, None).await;
    assert_eq!(answer.code(), "request_reused");
    // and after a revocation nothing at all
    let revoked = Rights {
        revoked: true,
        ..ada.rights(shared.grant, 2, 1)
    };
    let path = paths::fill(paths::RIGHTS, &shared.grant);
    let rights = Signed::new(&ada.identity, revoked);
    let answer = ada.command(&world, 1, &path, &PutRights { rights }).await;
    assert_eq!(answer.status, 200);
    let answer = part(&world, 1, &bob, &shared, &first, None).await;
    assert_eq!(answer.code(), "revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_parts_are_released_only_for_the_debited_request_and_key() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let eve = Person::registered(&world, "eve").await;
    let shared = ada.share(&world, &bob, b"photo", 1).await;
    let key = SealingSecret::from_bytes(random());
    let request = view_request(&world, &bob, &shared, [1; 16], &key);

    assert_eq!(
        part(&world, 1, &bob, &shared, &request, 1).await.code(),
        "not_debited"
    );
    let debited: Debited = debit(&world, 1, &bob, &shared, &request).await.read();
    // The same id with another one-time key is refused for release and debit.
    let other_key = SealingSecret::from_bytes(random());
    let swapped = view_request(&world, &bob, &shared, [1; 16], &other_key);
    assert_eq!(
        part(&world, 1, &bob, &shared, &swapped, debited.index)
            .await
            .code(),
        "request_reused"
    );
    assert_eq!(
        debit(&world, 1, &bob, &shared, &swapped).await.code(),
        "request_reused"
    );
    // An index above the committed one may be made up, and the view is charged: the node must not
    // deny the view, but reply that it is unavailable.
    let answer = part(&world, 1, &bob, &shared, &request, 1 << 40).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (503, "unavailable")
    );
    // A request of another device, and a request of a user who is not the viewer.
    assert_eq!(
        part(&world, 1, &eve, &shared, &request, debited.index)
            .await
            .code(),
        "mismatch"
    );
    let eves = view_request(&world, &eve, &shared, [2; 16], &key);
    assert_eq!(
        debit(&world, 1, &eve, &shared, &eves).await.code(),
        "not_found"
    );
    // The only permitted view is used.
    let second = view_request(&world, &bob, &shared, [3; 16], &key);
    let answer = debit(&world, 1, &bob, &shared, &second).await;
    assert_eq!((answer.status, answer.code().as_str()), (403, "used_up"));
    assert_eq!(
        part(&world, 1, &bob, &shared, &request, debited.index)
            .await
            .status,
        200
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_no_node_releases_parts_after_a_revocation() {
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, b"photo", 5).await;
    let key = SealingSecret::from_bytes(random());
    let request = view_request(&world, &bob, &shared, [1; 16], &key);
    let debited: Debited = debit(&world, 1, &bob, &shared, &request).await.read();

    let revoked = Rights {
        revoked: true,
        ..ada.rights(shared.grant, 2, 5)
    };
    let path = paths::fill(paths::RIGHTS, &shared.grant);
    let rights = Signed::new(&ada.identity, revoked);
    let answer = ada.command(&world, 2, &path, &PutRights { rights }).await;
    assert_eq!(answer.status, 200);

    for node in 1..=3 {
        let answer = part(&world, node, &bob, &shared, &request, debited.index).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (403, "revoked"),
            "node {node}"
        );
    }
    let second = view_request(&world, &bob, &shared, [2; 16], &key);
    assert_eq!(
        debit(&world, 1, &bob, &shared, &second).await.code(),
        "revoked"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_of_32_clients_on_one_last_view_exactly_one_wins() {
    // Given one view, and a viewer with two devices
    let world = World::new(3).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let phone = bob.second_device();
    assert_eq!(phone.register(&world).await.status, 200);
    let shared = ada.share(&world, &bob, b"photo", 1).await;

    // when 32 clients of theirs ask for it at once, at all nodes,
    let key = SealingSecret::from_bytes(random());
    let asks: Vec<_> = (0..32u8)
        .map(|client| {
            let device = if client % 2 == 0 { &bob } else { &phone };
            let request = view_request(&world, device, &shared, [client; 16], &key);
            (u64::from(client % 3) + 1, device, request)
        })
        .collect();
    let answers = join_all(
        asks.iter()
            .map(|(node, device, request)| debit(&world, *node, device, &shared, request)),
    )
    .await;

    // then one is charged, and no node releases its part to another one.
    let won: Vec<_> = answers.iter().map(|answer| answer.status == 200).collect();
    assert_eq!(won.iter().filter(|won| **won).count(), 1);
    let winner = answers.iter().find(|answer| answer.status == 200).unwrap();
    let debited: Debited = winner.read();
    assert_eq!((debited.number, debited.left), (1, 0));
    for ((answer, (_, device, request)), won) in answers.iter().zip(&asks).zip(won) {
        for node in 1..=3 {
            let part = part(&world, node, device, &shared, request, debited.index).await;
            let expected = if won { 200 } else { 403 };
            assert_eq!(part.status, expected, "node {node}: {part:?}");
        }
        assert!(won || answer.code() == "used_up", "{answer:?}");
    }
    let path = paths::fill(paths::GRANT_LOG, &shared.grant);
    let log: LogInfo = ada.get(&world, 2, &path).await.read();
    assert_eq!(log.views.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_wrongly_signed_view_request_charges_nothing_and_a_second_is_not_in_the_log() {
    let world = World::new(1).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, b"photo", 1).await;
    let key = SealingSecret::from_bytes(random());
    let request = view_request(&world, &bob, &shared, [1; 16], &key);
    let mut bytes = request.as_bytes().to_vec();
    bytes[40] ^= 1;
    let forged = Signed::from_bytes(bytes);
    let attempt = async || {
        let answer = debit(&world, 1, &bob, &shared, &forged).await;
        assert_eq!(
            (answer.status, answer.code().as_str()),
            (400, "bad_request")
        );
        assert_eq!(
            answer.json()["message"],
            "the signature of the view-request statement is wrong"
        );
        world.status(1).await.applied
    };
    let first = attempt().await;
    assert_eq!(attempt().await, first);
    // then no part is released by it, and the right one is charged
    let answer = part(&world, 1, &bob, &shared, &forged, 1).await;
    assert_eq!(answer.code(), "bad_request");
    let debited: Debited = debit(&world, 1, &bob, &shared, &request).await.read();
    assert_eq!((debited.number, debited.left), (1, 0));
}
