//! A restore: three new nodes take over the state of a backup, and views go on by the owner's word.

use std::path::{Path, PathBuf};
use std::process::Output;

use cameo_cluster::backup::{self, KeptBackup};
use cameo_common::api::{Debited, GrantInfo, GrantList, Released, Reopen, paths};
use cameo_common::ids::{ClusterId, NodeId, RequestId};
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{
    Dealing, PartContext, ReleaseContext, combine, deal, open_photo, open_release,
    open_viewer_share,
};
use cameo_common::signed::Signed;
use cameo_common::statements::{FirstFloor, Reopening};
use data_encoding::BASE64URL_NOPAD;
use futures_util::future::join_all;
use tokio::process::Command;

use crate::http::{Answer, read_plain};
use crate::person::{Person, Shared, generator, random};
use crate::views::{debit, part, view_request};
use crate::world::{World, until};

const PROGRAM: &str = env!("CARGO_BIN_EXE_cameod");
const PHOTO: &[u8] = b"every byte of this photo";

async fn run(words: &[&str]) -> Output {
    let ran = Command::new(PROGRAM).args(words).output().await;
    ran.unwrap()
}

fn said(ran: &Output) -> String {
    String::from_utf8_lossy(&ran.stderr).into_owned()
}

fn address(world: &World) -> String {
    format!("{}#{}", world.url(1), world.cluster)
}

async fn take_backup(world: &World, file: &Path) {
    let (key, address) = (world.operator_key(), address(world));
    let (key, file) = (key.to_str().unwrap(), file.to_str().unwrap());
    let words = ["backup", file, "--operator", key, "--cluster", &address];
    let ran = run(&words).await;
    assert!(ran.status.success(), "{}", said(&ran));
}

async fn approve(world: &World, file: &Path, key: &Path) -> Output {
    let (key, file) = (key.to_str().unwrap(), file.to_str().unwrap());
    let address = address(world);
    let words = [
        "approve-restore",
        file,
        "--operator",
        key,
        "--cluster",
        &address,
    ];
    run(&words).await
}

/// Views once, and opens the photo.
async fn view(world: &World, viewer: &Person, shared: &Shared, id: u8) -> (u32, u32) {
    let key = SealingSecret::from_bytes(random());
    let request = view_request(world, viewer, shared, [id; 16], &key);
    let debited: Debited = debit(world, 2, viewer, shared, &request).await.read();
    let deal = debited.deal.verify().unwrap();
    let mut opened = Vec::new();
    for node in [NodeId(1), NodeId(3)] {
        let answer = part(world, node, viewer, shared, &request, debited.index).await;
        let released: Released = answer.read();
        let dealt = deal.parts.iter().find(|part| part.node == node).unwrap();
        let context = ReleaseContext {
            part: PartContext::of(&deal, dealt),
            request: RequestId([id; 16]),
            request_hash: request.hash(),
        };
        let sealed = BASE64URL_NOPAD.decode(released.sealed.as_bytes()).unwrap();
        opened.push(open_release(&key, &context, dealt, &sealed).unwrap());
    }
    let cluster_share = combine(&deal, &opened).unwrap();
    let viewer_share = open_viewer_share(&viewer.sealing, &shared.grant, &shared.payload).unwrap();
    let photo = open_photo(
        &shared.grant,
        &shared.payload,
        &shared.manifest.key_commitment,
        &viewer_share,
        &cluster_share,
    );
    assert_eq!(*photo.unwrap().bytes, PHOTO);
    (debited.number, debited.left)
}

async fn charge(world: &World, viewer: &Person, shared: &Shared, id: u8) -> Answer {
    let key = SealingSecret::from_bytes(random());
    let request = view_request(world, viewer, shared, [id; 16], &key);
    debit(world, 1, viewer, shared, &request).await
}

async fn info(world: &World, by: &Person, shared: &Shared) -> GrantInfo {
    let path = paths::fill(paths::GRANT, &shared.grant);
    by.get(world, 2, &path).await.read()
}

/// The owner opens a grant again, with so many views used.
async fn reopen(world: &World, by: &Person, shared: &Shared, used: u32) -> Answer {
    let floor = FirstFloor {
        rights_version: 1,
        used,
    };
    let dealing = Dealing {
        cluster: world.cluster,
        grant: shared.grant,
        owner: by.identity.public(),
        viewer: shared.manifest.viewer,
        number: 2,
        first_floor: floor,
    };
    let descriptor = world.descriptor().await;
    let share = &shared.cluster_share;
    let deal = deal(&mut generator(), &dealing, share, &descriptor).unwrap();
    let reopening = Reopening {
        owner: by.identity.public(),
        cluster: world.cluster,
        grant: shared.grant,
        rights_version: 1,
        used,
    };
    let body = Reopen {
        reopening: Signed::new(&by.identity, reopening),
        deal: Signed::new(&by.identity, deal),
    };
    let path = paths::fill(paths::REOPENING, &shared.grant);
    by.command(world, 2, &path, &body).await
}

/// A cluster in which Bob has used one of three views, and a backup of it.
struct Before {
    old: World,
    ada: Person,
    bob: Person,
    shared: Shared,
    file: PathBuf,
}

impl Before {
    async fn new() -> Self {
        let old = World::new(3).await;
        let ada = Person::registered(&old, "ada").await;
        let bob = Person::registered(&old, "bob").await;
        let shared = ada.share(&old, &bob, PHOTO, 3).await;
        assert_eq!(view(&old, &bob, &shared, 1).await, (1, 2));
        let file = old.folder().join("backup");
        take_backup(&old, &file).await;
        Self {
            old,
            ada,
            bob,
            shared,
            file,
        }
    }

    /// Three new nodes, with a secret of their own, that begin from the backup.
    async fn new_nodes(&self) -> World {
        let prepare = |data: &Path| backup::keep(&self.file, self.old.cluster, data).unwrap();
        World::changed(3, |config| drop(prepare(&config.data))).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_backup_when_new_nodes_restore_it_then_views_go_on_by_the_owners_word() {
    let before = Before::new().await;
    let Before {
        old,
        ada,
        bob,
        shared,
        file,
    } = &before;
    Person::registered(old, "later").await;
    let later = old.folder().join("later");
    take_backup(old, &later).await;
    // given a new cluster that begins from the backup, and is not approved
    let mut new = before.new_nodes().await;
    assert_ne!(new.cluster, old.cluster);
    let named = new.descriptor().await.predecessor.unwrap();
    assert_eq!(named.cluster, old.cluster);
    let refused = ada.get(&new, 1, paths::GRANTS).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (503, "unavailable")
    );
    let message = refused.json()["message"].to_string();
    assert!(message.contains("cameod approve-restore"), "{message}");
    let eve = Person::new("eve");
    assert_eq!(eve.register(&new).await.code(), "unavailable");

    // when another key, or another state, is what approves, then nothing happens
    let ran = approve(&new, file, &old.operator_key()).await;
    assert_eq!(ran.status.code(), Some(4), "{}", said(&ran));
    let ran = approve(&new, &later, &new.operator_key()).await;
    assert_eq!(ran.status.code(), Some(4), "{}", said(&ran));
    assert!(said(&ran).contains("nothing was changed"), "{}", said(&ran));
    let ran = approve(old, file, &old.operator_key()).await;
    assert_eq!(ran.status.code(), Some(4), "{}", said(&ran));
    assert!(
        said(&ran).contains("does not begin from a backup"),
        "{}",
        said(&ran)
    );
    assert_eq!(ada.get(&new, 2, paths::GRANTS).await.status, 503);

    // when the operator approves, then users are known, with what was used, and nothing opens
    let ran = approve(&new, file, &new.operator_key()).await;
    assert!(ran.status.success(), "{}", said(&ran));
    let list = until("the state that is taken over", async || {
        let answer = ada.get(&new, 1, paths::GRANTS).await;
        (answer.status == 200).then(|| answer.read::<GrantList>())
    });
    assert_eq!(list.await.grants.len(), 1);
    for id in 1..=3_u64 {
        let gone = new.config(id).data.join("predecessor");
        until("the end of the kept backup", async || {
            (!gone.exists()).then_some(())
        })
        .await;
    }
    let closed = info(&new, bob, shared).await;
    assert_eq!((closed.used, closed.left, closed.closed), (1, 2, true));
    let refused = charge(&new, bob, shared, 2).await;
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "closed_by_restore")
    );

    // when the owner opens it, which nobody else can and not with less than was used
    assert_eq!(reopen(&new, bob, shared, 1).await.status, 403);
    assert_eq!(reopen(&new, ada, shared, 0).await.code(), "bad_deal");
    let answer = reopen(&new, ada, shared, 1).await;
    assert_eq!(answer.status, 200, "{}", answer.json());

    // then what was left is left
    assert_eq!(view(&new, bob, shared, 2).await, (2, 1));
    new.restart_all(|_| {}).await;
    assert_eq!(view(&new, bob, shared, 3).await, (3, 0));
    assert_eq!(charge(&new, bob, shared, 4).await.code(), "used_up");
}

#[tokio::test(flavor = "multi_thread")]
async fn given_more_views_than_a_backup_has_when_the_owner_says_so_then_they_are_not_back() {
    let before = Before::new().await;
    let Before {
        old,
        ada,
        bob,
        shared,
        file,
    } = &before;
    // given a view after the backup
    assert_eq!(view(old, bob, shared, 2).await, (2, 1));
    let new = before.new_nodes().await;
    let ran = approve(&new, file, &new.operator_key()).await;
    assert!(ran.status.success(), "{}", said(&ran));
    until("the state that is taken over", async || {
        (ada.get(&new, 1, paths::GRANTS).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(info(&new, ada, shared).await.used, 1);
    // when the owner opens the grant with two used
    assert_eq!(reopen(&new, ada, shared, 2).await.status, 200);
    // then one is left
    assert_eq!(view(&new, bob, shared, 3).await, (3, 0));
    assert_eq!(charge(&new, bob, shared, 4).await.code(), "used_up");
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_a_view_of_the_old_cluster_is_not_charged_or_released_in_the_new_one() {
    let before = Before::new().await;
    let Before {
        old,
        ada,
        bob,
        shared,
        ..
    } = &before;
    let key = SealingSecret::from_bytes(random());
    let request = view_request(old, bob, shared, [2; 16], &key);
    let debited: Debited = debit(old, 1, bob, shared, &request).await.read();
    let second = old.folder().join("second");
    take_backup(old, &second).await;
    let prepare = |data: &Path| backup::keep(&second, old.cluster, data).unwrap();
    let new = World::changed(3, |config| drop(prepare(&config.data))).await;
    let ran = approve(&new, &second, &new.operator_key()).await;
    assert!(ran.status.success(), "{}", said(&ran));
    until("the opened grant", async || {
        (reopen(&new, ada, shared, 2).await.status == 200).then_some(())
    })
    .await;
    // when the request of a view that was charged there comes here
    let answer = debit(&new, 1, bob, shared, &request).await;
    assert_ne!(answer.status, 200, "{}", answer.json());
    for node in 1..=3_u64 {
        let answer = part(&new, node, bob, shared, &request, debited.index).await;
        assert_ne!(answer.status, 200, "{}", answer.json());
    }
    assert_eq!(info(&new, bob, shared).await.used, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_prepared_from_the_named_cluster_s_backup_alone_and_only_a_new_one() {
    let old = World::new(1).await;
    let file = old.folder().join("backup");
    take_backup(&old, &file).await;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let restore = async |file: &Path, from: &str| {
        let (file, data) = (file.to_str().unwrap(), data.to_str().unwrap());
        run(&["restore", file, "--from", from, "--data", data]).await
    };
    let from = old.cluster.to_string();
    // given another fingerprint, a damaged file, and what is no backup
    let other = ClusterId([7; 32]).to_string();
    let ran = restore(&file, &other).await;
    assert_eq!(ran.status.code(), Some(8), "{}", said(&ran));
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let damaged = folder.path().join("damaged");
    std::fs::write(&damaged, bytes).unwrap();
    let ran = restore(&damaged, &from).await;
    assert_eq!(ran.status.code(), Some(1), "{}", said(&ran));
    std::fs::write(&damaged, b"a photo").unwrap();
    assert_eq!(restore(&damaged, &from).await.status.code(), Some(2));
    assert!(!data.exists(), "nothing was prepared");
    // when the right one is given, also twice
    for _ in 0..2 {
        let ran = restore(&file, &from).await;
        assert!(ran.status.success(), "{}", said(&ran));
    }
    let kept = KeptBackup::within(&data).unwrap().unwrap();
    let (read, _) = KeptBackup::read(&file).unwrap();
    assert_eq!(kept.predecessor(), read.predecessor());
    // then no other takes its place, and no node's folder is prepared
    let _ = Person::registered(&old, "ada").await;
    let later = folder.path().join("later");
    take_backup(&old, &later).await;
    let ran = restore(&later, &from).await;
    assert_eq!(ran.status.code(), Some(2), "{}", said(&ran));
    assert!(
        said(&ran).contains("prepared for another backup"),
        "{}",
        said(&ran)
    );
    let used = old.config(1).data;
    let words = ["restore", file.to_str().unwrap(), "--from", &from, "--data"];
    let ran = run(&[&words[..], &[used.to_str().unwrap()]].concat()).await;
    assert_eq!(ran.status.code(), Some(2), "{}", said(&ran));
    assert!(said(&ran).contains("is not empty"), "{}", said(&ran));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_that_waits_for_the_approval_says_of_itself() {
    let before = Before::new().await;
    let new = before.new_nodes().await;
    let answer = read_plain(new.metrics(1), paths::READY).await;
    assert_eq!(answer.status, 503);
    let told = answer.json().to_string();
    assert!(told.contains("approve-restore"), "{told}");
    let answer = read_plain(new.metrics(1), paths::HEALTH).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn given_a_state_of_several_pieces_when_the_leader_stops_then_another_founder_goes_on() {
    let old = World::new(2).await;
    let ada = Person::registered(&old, "ada").await;
    // Each node takes so many registrations at once from one source.
    for group in 0..15 {
        let register = |at: u64| {
            let (person, old) = (Person::new(&format!("user-{group}-{at}")), &old);
            async move { person.register_at(old, NodeId(at % 2 + 1)).await.status }
        };
        let registered = join_all((0..20).map(register)).await;
        assert_eq!(registered, [200; 20]);
    }
    let file = old.folder().join("backup");
    take_backup(&old, &file).await;
    // given pieces that name each other, from wherever they are read
    let (kept, _) = KeptBackup::read(&file).unwrap();
    assert!(kept.pieces() > 1);
    let mut hash = kept.predecessor().content;
    let mut all = kept.pieces_from(0).unwrap();
    for number in 0..kept.pieces() as u64 {
        let piece = all.next_piece().unwrap().unwrap();
        assert_eq!((piece.number, piece.hash()), (number, hash));
        let first = kept.pieces_from(number).unwrap().next_piece();
        assert_eq!(first.unwrap().as_ref(), Some(&piece));
        hash = piece.next.unwrap_or(hash);
    }
    assert!(all.next_piece().unwrap().is_none());
    // when the leader stops as soon as they may be taken over
    let prepare = |data: &Path| backup::keep(&file, old.cluster, data).unwrap();
    let mut new = World::changed(3, |config| drop(prepare(&config.data))).await;
    let leader = new.leader().await;
    let ran = approve(&new, &file, &new.operator_key()).await;
    assert!(ran.status.success(), "{}", said(&ran));
    new.stop(leader).await;
    // then the others take all of them over
    let other = NodeId(leader.0 % 3 + 1);
    until("the state that is taken over", async || {
        (ada.get(&new, other, paths::GRANTS).await.status == 200).then_some(())
    })
    .await;
    let last = paths::fill(paths::USER, &"user-14-19");
    assert_eq!(ada.get(&new, other, &last).await.status, 200);
    // and so does the one that comes back
    new.start(leader).await;
    until("the node that comes back", async || {
        (ada.get(&new, leader, &last).await.status == 200).then_some(())
    })
    .await;
}
