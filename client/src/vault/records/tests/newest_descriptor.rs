//! The newest descriptor that a home remembers, also with several processes.

use cameo_common::descriptor_chain::{ChainError, DescriptorChain, Descriptors};
use cameo_common::signed::Strict;

use super::*;
use crate::cluster_api::mock_chain::chain;
use crate::cluster_api::{ChainMemory, FollowError};

fn verified(changes: &[&[u64]]) -> DescriptorChain {
    let told: Descriptors = chain(changes);
    told.verify(&Strict, told.first.founds().unwrap()).unwrap()
}

fn kept(vault: &Vault) -> Option<NewestDescriptor> {
    vault.get(NewestDescriptor::ID).unwrap()
}

#[test]
fn its_bytes_are_pinned() {
    let newest = NewestDescriptor {
        number: 300,
        hash: Hash([7; 32]),
    };
    let pinned = [&[0xac, 0x02][..], &[7; 32]].concat();
    assert_eq!((NewestDescriptor::VERSION, bytes(&newest)), (1, pinned));
}

#[test]
fn a_home_of_before_knows_the_first_descriptor_and_writes_nothing_while_there_is_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let vault = Vault::create(&home, &Passphrase::given("for a test")).unwrap();
    vault.follow(&verified(&[&[1, 2, 3]])).unwrap();
    assert_eq!(kept(&vault), None);
    // and remembers the first change
    vault.follow(&verified(&[&[1, 2, 3], &[2, 3, 4]])).unwrap();
    assert_eq!(kept(&vault).unwrap().number, 1);
}

#[test]
fn attack_no_process_of_a_home_brings_it_back_or_to_another_chain() {
    // given two processes of one home, of which one has followed two changes
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let passphrase = Passphrase::given("for a test");
    let one = Vault::create(&home, &passphrase).unwrap();
    let other = Vault::open(&home, &passphrase).unwrap();
    one.follow(&verified(&[&[1, 2, 3], &[2, 3, 4], &[3, 4, 5]]))
        .unwrap();
    let known = kept(&one).unwrap();
    assert_eq!((known.number, kept(&other)), (2, Some(known)));
    // when the other is shown the chain before, or one that goes elsewhere
    let older = verified(&[&[1, 2, 3], &[2, 3, 4]]);
    let ends = ChainError::Older {
        newest: 1,
        known: 2,
    };
    assert_eq!(other.follow(&older), Err(FollowError::Chain(ends)));
    let fork = verified(&[&[1, 2, 3], &[2, 3, 4], &[2, 3, 5], &[2, 3]]);
    let fork = other.follow(&fork);
    assert_eq!(fork, Err(FollowError::Chain(ChainError::Fork(2))));
    // then what the home knows stays
    assert_eq!(kept(&other), Some(known));
}
