//! Laws B1 to B5: rights are delivered unchanged until they are acknowledged, and not after.

use std::collections::BTreeMap;

use cameo_common::api::EventKind;
use cameo_common::ids::{GrantId, UserName};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use proptest::prelude::*;

use super::history::{Transition, play, steps};
use crate::{MapView, Op, read};

/// Model of one grant's rights: the newest, and the version that the viewer has acknowledged.
struct Update {
    viewer: UserName,
    newest: Signed<Rights>,
    version: u64,
    acknowledged: u64,
}

type Updates = BTreeMap<GrantId, Update>;

fn follow(updates: &mut Updates, transition: &Transition) {
    if !transition.accepted() {
        return;
    }
    match transition.op() {
        Op::CreateGrant {
            manifest, rights, ..
        } => {
            let content = manifest.unverified().unwrap();
            let update = Update {
                viewer: content.viewer_name.clone(),
                newest: rights.clone(),
                version: 1,
                acknowledged: 0,
            };
            updates.entry(content.grant_id()).or_insert(update);
        }
        Op::PutRights { rights } => {
            let content = rights.unverified().unwrap();
            let update = updates.get_mut(&content.grant).unwrap();
            if content.version > update.version {
                update.newest = rights.clone();
                update.version = content.version;
            }
        }
        Op::AckRights { ack } => {
            let content = ack.unverified().unwrap();
            let update = updates.get_mut(&content.grant).unwrap();
            update.acknowledged = update.acknowledged.max(content.version);
        }
        Op::PutReceipt { receipt } => {
            let grant = receipt.unverified().unwrap().grant;
            let update = updates.get_mut(&grant).unwrap();
            update.acknowledged = update.acknowledged.max(1);
        }
        _ => {}
    }
}

/// The rights that an agent gets when it reads from the beginning, by grant.
fn delivered(state: &MapView, viewer: &UserName) -> BTreeMap<GrantId, Vec<Signed<Rights>>> {
    let mut found: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for event in read::events_after(state, viewer, 0, usize::MAX) {
        if let EventKind::Rights { grant, rights } = event.kind {
            found.entry(grant).or_default().push(rights);
        }
    }
    found
}

proptest! {
    #[test]
    fn mail_is_kept_until_it_is_acknowledged(steps in steps()) {
        let mut updates = Updates::new();
        for transition in play(&steps) {
            follow(&mut updates, &transition);
            for (grant, update) in &updates {
                let info = read::grant_info(&transition.after, grant, &update.viewer).unwrap();
                let mail = delivered(&transition.after, &update.viewer).remove(grant);
                prop_assert_eq!(info.acknowledged, update.acknowledged, "B3");
                if update.version > update.acknowledged {
                    prop_assert_eq!(mail, Some(vec![update.newest.clone()]), "B1, B2, B4");
                    prop_assert!(info.in_mailbox);
                } else {
                    prop_assert_eq!(mail, None, "B5");
                    prop_assert!(!info.in_mailbox);
                }
            }
        }
    }

    #[test]
    fn the_acknowledged_version_never_goes_down(steps in steps()) {
        let mut highest: BTreeMap<GrantId, u64> = BTreeMap::new();
        let mut updates = Updates::new();
        for transition in play(&steps) {
            follow(&mut updates, &transition);
            for (grant, update) in &updates {
                let info = read::grant_info(&transition.after, grant, &update.viewer).unwrap();
                let before = highest.insert(*grant, info.acknowledged).unwrap_or(0);
                prop_assert!(info.acknowledged >= before);
                prop_assert!(info.acknowledged <= info.version);
            }
        }
    }

    /// An agent that follows the stream by its sequence has the newest rights of every grant once
    /// it has read to the end.
    #[test]
    fn an_agent_that_follows_its_stream_has_the_newest_rights(steps in steps()) {
        let mut updates = Updates::new();
        let mut read_up_to: BTreeMap<UserName, u64> = BTreeMap::new();
        let mut held: BTreeMap<GrantId, Signed<Rights>> = BTreeMap::new();
        for transition in play(&steps) {
            follow(&mut updates, &transition);
            for user in &transition.decision.touched {
                let last = read_up_to.entry(user.clone()).or_default();
                for event in read::events_after(&transition.after, user, *last, usize::MAX) {
                    prop_assert!(event.sequence > *last);
                    *last = event.sequence;
                    if let EventKind::Rights { grant, rights } = event.kind {
                        held.insert(grant, rights);
                    }
                }
            }
            for (grant, update) in &updates {
                prop_assert_eq!(held.get(grant), Some(&update.newest));
            }
        }
    }

    #[test]
    fn the_stream_is_in_order_and_ends_at_its_newest(steps in steps()) {
        for transition in play(&steps) {
            for person in super::history::people() {
                let newest = read::newest_event(&transition.after, &person.name);
                let events = read::events_after(&transition.after, &person.name, 0, usize::MAX);
                prop_assert!(events.is_sorted_by(|one, next| one.sequence < next.sequence));
                prop_assert!(events.iter().all(|event| event.sequence <= newest));
            }
        }
    }
}
