//! Data folders of nodes in the hands of a thief.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cameo_cluster::link::NodeKeys;
use cameo_common::api::Debited;
use cameo_common::ids::NodeId;
use cameo_common::keys::SealingSecret;
use cameo_common::sealing::{
    PartContext, SealingError, combine, open_part, open_photo, open_viewer_share,
};
use zeroize::Zeroizing;

use crate::person::{Person, Shared, random};
use crate::views::{debit, part, view_request};
use crate::world::World;

const PHOTO: &[u8] = b"the photo, which is in no folder of a node";

/// Three or five nodes, a photo, and one view that each node has released.
async fn viewed(nodes: u64) -> (World, Person, Shared) {
    let world = World::new(nodes).await;
    let ada = Person::registered(&world, "ada").await;
    let bob = Person::registered(&world, "bob").await;
    let shared = ada.share(&world, &bob, PHOTO, 2).await;
    let key = SealingSecret::from_bytes(random());
    let request = view_request(&world, &bob, &shared, random(), &key);
    let debited: Debited = debit(&world, 1, &bob, &shared, &request).await.read();
    for node in 1..=nodes {
        let answer = part(&world, node, &bob, &shared, &request, debited.index).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    (world, bob, shared)
}

/// What a node's folder opens of a deal: the part of that node alone.
fn stolen_parts(shared: &Shared, folder: &Path) -> BTreeMap<NodeId, Zeroizing<Vec<u8>>> {
    let keys = NodeKeys::load_or_create(&folder.join("node.key")).unwrap();
    let secret = keys.sealing_key();
    let opened = shared.deal.parts.iter().filter_map(|part| {
        let context = PartContext::of(&shared.deal, part);
        Some((part.node, open_part(&secret, &context, part).ok()?))
    });
    opened.collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files
}

fn is_in(secret: &[u8], folder: &Path) -> bool {
    let contains = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(secret.len()).any(|window| window == secret)
    };
    files(folder).iter().any(contains)
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_the_stolen_folder_of_a_node_has_neither_photo_nor_key_nor_anothers_part() {
    // Given the folders of three nodes that have released a view
    let (world, bob, shared) = viewed(3).await;
    let folders = world.stopped_folders().await;
    let own: Vec<_> = folders
        .iter()
        .map(|folder| stolen_parts(&shared, folder))
        .collect();
    // then each opens its own part only,
    for (parts, node) in own.iter().zip(1..) {
        assert_eq!(parts.keys().collect::<Vec<_>>(), [&NodeId(node)]);
    }
    // and has neither photo, nor shares, nor an opened part
    let parts: Vec<_> = own.iter().flat_map(BTreeMap::values).cloned().collect();
    let cluster = combine(&shared.deal, &parts[..2]).unwrap();
    let viewer = open_viewer_share(&bob.sealing, &shared.grant, &shared.payload).unwrap();
    let secrets = [
        PHOTO,
        &cluster.expose()[..],
        viewer.expose(),
        bob.sealing.expose(),
    ];
    let parts = parts.iter().map(|part| part.as_slice());
    for folder in folders.iter() {
        assert!(is_in(&shared.grant.0, folder), "{}", folder.display());
        for secret in secrets.into_iter().chain(parts.clone()) {
            assert!(!is_in(secret, folder), "{}", folder.display());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attack_stolen_folders_of_fewer_than_t_nodes_open_nothing_even_with_the_viewer() {
    for (nodes, threshold) in [(3, 2), (5, 3)] {
        // Given all folders, the viewer's key, and the carrier's payload
        let (world, bob, shared) = viewed(nodes).await;
        let folders = world.stopped_folders().await;
        let parts: Vec<_> = folders
            .iter()
            .flat_map(|folder| stolen_parts(&shared, folder).into_values())
            .collect();
        let viewer = open_viewer_share(&bob.sealing, &shared.grant, &shared.payload).unwrap();
        // then one folder less than t is not enough,
        let few = combine(&shared.deal, &parts[..threshold - 1]);
        let (have, need) = (threshold - 1, threshold);
        assert_eq!(few.err(), Some(SealingError::TooFewParts { have, need }));
        // neither with the same part again,
        let again = vec![parts[0].clone(); threshold];
        assert_eq!(
            combine(&shared.deal, &again).err(),
            Some(SealingError::WrongPart)
        );
        // and t are: this is the bound, and is promised to nobody.
        let cluster = combine(&shared.deal, &parts[..threshold]).unwrap();
        let commitment = &shared.manifest.key_commitment;
        let opened = open_photo(
            &shared.grant,
            &shared.payload,
            commitment,
            &viewer,
            &cluster,
        );
        assert_eq!(*opened.unwrap().bytes, PHOTO);
    }
}
