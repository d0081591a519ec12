//! Laws B1 to B5: an update is delivered until it is acknowledged, as it was put, and not after.

use std::collections::BTreeMap;

use cameo_common::api::EventKind;
use cameo_common::ids::{GrantId, UserName};
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use proptest::prelude::*;

use super::history::{Moment, play, steps};
use crate::{MapView, Op, read};

/// What a viewer is to have, and has said that he has.
struct Update {
    viewer: UserName,
    newest: Signed<Rights>,
    version: u64,
    confirmed: u64,
}

type Updates = BTreeMap<GrantId, Update>;

fn follow(updates: &mut Updates, moment: &Moment) {
    if !moment.accepted() {
        return;
    }
    match moment.op() {
        Op::CreateGrant {
            manifest, rights, ..
        } => {
            let content = manifest.peek().unwrap();
            let update = Update {
                viewer: content.viewer_name.clone(),
                newest: rights.clone(),
                version: 1,
                confirmed: 0,
            };
            updates.entry(content.grant_id()).or_insert(update);
        }
        Op::PutRights { rights } => {
            let content = rights.peek().unwrap();
            let update = updates.get_mut(&content.grant).unwrap();
            if content.version > update.version {
                update.newest = rights.clone();
                update.version = content.version;
            }
        }
        Op::AckRights { ack } => {
            let content = ack.peek().unwrap();
            let update = updates.get_mut(&content.grant).unwrap();
            update.confirmed = update.confirmed.max(content.version);
        }
        Op::PutReceipt { receipt } => {
            let grant = receipt.peek().unwrap().grant;
            let update = updates.get_mut(&grant).unwrap();
            update.confirmed = update.confirmed.max(1);
        }
        _ => {}
    }
}

/// What an agent that asks from the beginning is handed, by grant.
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
    fn mail_waits_until_it_is_acknowledged_and_no_longer(steps in steps()) {
        let mut updates = Updates::new();
        for moment in play(&steps) {
            follow(&mut updates, &moment);
            for (grant, update) in &updates {
                let info = read::grant_info(&moment.after, grant, &update.viewer).unwrap();
                let mail = delivered(&moment.after, &update.viewer).remove(grant);
                prop_assert_eq!(info.acknowledged, update.confirmed, "B3");
                if update.version > update.confirmed {
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
    fn what_is_confirmed_never_goes_down(steps in steps()) {
        let mut highest: BTreeMap<GrantId, u64> = BTreeMap::new();
        let mut updates = Updates::new();
        for moment in play(&steps) {
            follow(&mut updates, &moment);
            for (grant, update) in &updates {
                let info = read::grant_info(&moment.after, grant, &update.viewer).unwrap();
                let before = highest.insert(*grant, info.acknowledged).unwrap_or(0);
                prop_assert!(info.acknowledged >= before);
                prop_assert!(info.acknowledged <= info.version);
            }
        }
    }

    /// An agent that follows the stream by its token misses no update: after it has read to the
    /// end, what it read last of each grant is the newest, or it was acknowledged.
    #[test]
    fn an_agent_that_follows_its_stream_has_the_newest_rights(steps in steps()) {
        let mut updates = Updates::new();
        let mut tokens: BTreeMap<UserName, u64> = BTreeMap::new();
        let mut held: BTreeMap<GrantId, Signed<Rights>> = BTreeMap::new();
        for moment in play(&steps) {
            follow(&mut updates, &moment);
            for user in &moment.decision.touched {
                let token = tokens.entry(user.clone()).or_default();
                for event in read::events_after(&moment.after, user, *token, usize::MAX) {
                    prop_assert!(event.sequence > *token);
                    *token = event.sequence;
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
        for moment in play(&steps) {
            for person in super::history::people() {
                let newest = read::newest_event(&moment.after, &person.name);
                let events = read::events_after(&moment.after, &person.name, 0, usize::MAX);
                prop_assert!(events.is_sorted_by(|one, next| one.sequence < next.sequence));
                prop_assert!(events.iter().all(|event| event.sequence <= newest));
            }
        }
    }
}
