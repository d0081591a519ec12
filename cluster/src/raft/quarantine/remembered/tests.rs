#![allow(clippy::unwrap_used)]
use std::sync::atomic::Ordering;

use cameo_common::ids::ClusterId;
use cameo_common::keys::SigningKey;
use cameo_common::statements::Marks;

use super::super::memory_for_tests::InMemory;
use super::*;

const CLUSTER: ClusterId = ClusterId([5; 32]);
const AT: NodeId = NodeId(2);

fn marks(floor: u64, term: u64, log: u64) -> Marks {
    Marks { floor, term, log }
}

fn told(incarnation: u64, found: Marks, reached: Marks) -> (Signed<NodeProgress>, NodeProgress) {
    let key = SigningKey::from_seed([2; 32]);
    let progress = NodeProgress {
        node: key.public(),
        cluster: CLUSTER,
        incarnation,
        found,
        reached,
    };
    (Signed::new(&key, progress.clone()), progress)
}

fn keep(
    remembered: &Remembered,
    told: &(Signed<NodeProgress>, NodeProgress),
) -> Result<(), &'static str> {
    remembered.keep(AT, told.0.clone(), &told.1)
}

fn nothing() -> Remembered {
    Remembered::load(Arc::new(InMemory::default())).unwrap()
}

#[test]
fn the_highest_statement_of_each_voter_is_kept() {
    let remembered = nothing();
    let first = told(1, marks(0, 0, 0), marks(4, 2, 60));
    let later = told(1, marks(0, 0, 0), marks(5, 2, 61));
    for (statement, kept) in [(&first, &first), (&later, &later), (&first, &later)] {
        keep(&remembered, statement).unwrap();
        assert_eq!(remembered.of(AT), Some(kept.0.clone()));
    }
    // After a restart its log counts once it knows what of it is committed.
    let behind = told(2, marks(5, 2, 70), marks(5, 3, 0));
    keep(&remembered, &behind).unwrap();
    assert_eq!(remembered.of(AT), Some(later.0));
    let caught_up = told(2, marks(5, 2, 70), marks(5, 3, 62));
    keep(&remembered, &caught_up).unwrap();
    assert_eq!(remembered.of(AT), Some(caught_up.0));
    assert_eq!(remembered.floors(), BTreeMap::from([(AT, 5)]));
}

#[test]
fn attack_a_voter_that_began_below_what_it_had_told_is_shown_that_however_far_it_comes() {
    let high = told(1, marks(0, 0, 0), marks(5, 3, 70));
    for found in [marks(4, 3, 70), marks(5, 2, 70), marks(5, 3, 69)] {
        let remembered = nothing();
        keep(&remembered, &high).unwrap();
        let back = told(2, found, marks(900, 900, 900));
        assert!(keep(&remembered, &back).is_err(), "{found:?}");
        assert_eq!(remembered.of(AT), Some(high.0.clone()));
        // With its newest folder it is as before.
        let mended = told(3, marks(5, 3, 70), marks(6, 4, 71));
        keep(&remembered, &mended).unwrap();
        assert_eq!(remembered.of(AT), Some(mended.0));
    }
}

#[test]
fn statements_of_another_cluster_or_key_are_replaced() {
    let remembered = nothing();
    keep(&remembered, &told(1, marks(0, 0, 0), marks(5, 3, 70))).unwrap();
    for (seed, cluster) in [(2, ClusterId([6; 32])), (3, CLUSTER)] {
        let key = SigningKey::from_seed([seed; 32]);
        let fresh = NodeProgress {
            node: key.public(),
            cluster,
            incarnation: 2,
            found: marks(0, 0, 0),
            reached: marks(0, 1, 1),
        };
        let signed = Signed::new(&key, fresh.clone());
        keep(&remembered, &(signed.clone(), fresh)).unwrap();
        assert_eq!(remembered.of(AT), Some(signed));
    }
}

#[tokio::test]
async fn what_is_remembered_outlives_the_process() {
    let disk = Arc::new(InMemory::default());
    let remembered = Remembered::load(disk.clone()).unwrap();
    remembered.store().await.unwrap();
    assert!(
        disk.read(QuarantineFile::Peers).unwrap().is_none(),
        "nothing has changed"
    );
    let statement = told(1, marks(0, 0, 0), marks(5, 3, 70));
    keep(&remembered, &statement).unwrap();
    remembered.store().await.unwrap();
    let again = Remembered::load(disk.clone()).unwrap();
    assert_eq!(again.of(AT), Some(statement.0));
    // Damage is no reason to stop; another version is.
    let whole = disk.read(QuarantineFile::Peers).unwrap().unwrap();
    for at in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        disk.replace(QuarantineFile::Peers, damaged).await.unwrap();
        assert_eq!(Remembered::load(disk.clone()).unwrap().of(AT), None);
    }
}

#[tokio::test]
async fn a_write_that_fails_is_tried_again_though_nothing_changes() {
    let disk = Arc::new(InMemory::default());
    let remembered = Remembered::load(disk.clone()).unwrap();
    let statement = told(1, marks(0, 0, 0), marks(5, 3, 70));
    keep(&remembered, &statement).unwrap();
    disk.is_full.store(true, Ordering::Relaxed);
    remembered.store().await.unwrap_err();
    disk.is_full.store(false, Ordering::Relaxed);
    remembered.store().await.unwrap();
    let again = Remembered::load(disk).unwrap();
    assert_eq!(again.of(AT), Some(statement.0));
}

#[test]
fn its_bytes_are_pinned_and_another_version_is_refused() {
    let statements = Statements::from([(NodeId(300), Signed::from_bytes(vec![7, 8]))]);
    let bytes = encode(&statements);
    let body = [&b"cameopee"[..], &[1, 1, 0xac, 2, 2, 7, 8]].concat();
    let sum = crc32fast::hash(&body).to_le_bytes();
    assert_eq!(bytes, [&body[..], &sum].concat());
    assert_eq!(decode(&bytes).unwrap(), statements);
    let other = [&b"cameopee"[..], &[2, 1, 0xac, 2, 2, 7, 8]].concat();
    let sum = crc32fast::hash(&other).to_le_bytes();
    let refused = decode(&[&other[..], &sum].concat());
    assert!(matches!(refused, Err(PeersError::UnknownVersion(2))));
    assert!(matches!(decode(&[]), Err(PeersError::Damaged)));
}
