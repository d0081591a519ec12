//! Laws of the nodes that hold parts: the chain of descriptors, the newest deals, and the counts of
//! live grants.

use std::collections::BTreeMap;

use cameo_common::cluster_descriptor::Descriptor;
use cameo_common::descriptor_chain::KnownDescriptor;
use cameo_common::ids::{GrantId, Millis};
use cameo_common::signed::Strict;
use proptest::prelude::*;

use super::history::{play, steps};
use crate::rows::{self, CurrentRights, DealRow, DealtCount, DealtTo, GrantUsage, NextExpiry};
use crate::tests::cast::{cluster_id, descriptor};
use crate::{MapView, Op, read};

const NEVER: Millis = Millis(u64::MAX);

/// One grant of the state.
struct Seen {
    id: GrantId,
    usage: GrantUsage,
    /// When it ends; none when it is revoked.
    end: Option<Millis>,
}

impl Seen {
    fn is_live(&self, now: Millis) -> bool {
        self.end.is_some_and(|end| now < end)
    }
}

fn grants(state: &MapView) -> Vec<Seen> {
    let usages = rows::scan::<GrantUsage>(state, &(), None, usize::MAX);
    let seen = |(id, usage)| {
        let rights = rows::require::<CurrentRights>(state, &id).rights();
        let end = (!rights.revoked).then_some(rights.expires.unwrap_or(NEVER));
        Seen { id, usage, end }
    };
    usages.into_iter().map(seen).collect()
}

/// Nodes of one descriptor that are in another, counted anew.
fn holders(dealt_to: &Descriptor, descriptor: &Descriptor) -> usize {
    let holds = |of: &&_| descriptor.nodes.iter().any(|node| node == *of);
    dealt_to.nodes.iter().filter(holds).count()
}

fn descriptors(state: &MapView) -> Vec<Descriptor> {
    let told = read::descriptors(state);
    told.iter().flat_map(|told| told.all().cloned()).collect()
}

fn newest(state: &MapView) -> Descriptor {
    read::descriptors(state).unwrap().newest().clone()
}

proptest! {
    #[test]
    fn the_chain_verifies_from_the_first_descriptor_and_only_goes_on(steps in steps()) {
        let mut known = KnownDescriptor::of(&descriptor());
        for transition in play(&steps) {
            let is_change = matches!(transition.op(), Op::ChangeDescriptor { .. });
            if !is_change || !transition.accepted() {
                let now = newest(&transition.after);
                prop_assert_eq!(KnownDescriptor::of(&now), known);
                continue;
            }
            let told = read::descriptors(&transition.after).unwrap();
            let chain = told.verify(&Strict, cluster_id()).unwrap();
            prop_assert_eq!(chain.extends(&known), Ok(()));
            let newest = newest(&transition.after);
            prop_assert_eq!(chain.newest(), &newest);
            known = KnownDescriptor::of(&newest);
        }
    }

    #[test]
    fn the_newest_deal_of_a_grant_is_to_a_descriptor_of_the_chain(steps in steps()) {
        for transition in play(&steps) {
            let descriptors = descriptors(&transition.after);
            for Seen { id, usage, .. } in grants(&transition.after) {
                let row = rows::require::<DealRow>(&transition.after, &(id, usage.deal));
                let deal = row.0.verify().unwrap();
                let dealt_to = &descriptors[usize::try_from(usage.dealt_to).unwrap()];
                prop_assert_eq!(deal.descriptor, dealt_to.hash());
                prop_assert_eq!(deal.number, usage.deal);
                // one deal a descriptor at most
                prop_assert!(usage.deal <= usage.dealt_to + 1);
                let later = (id, usage.deal + 1);
                prop_assert_eq!(rows::get::<DealRow>(&transition.after, &later), None);
            }
        }
    }

    /// What has expired may still be counted; everything else is counted exactly.
    #[test]
    fn the_counts_of_live_grants_equal_a_recount(steps in steps()) {
        for transition in play(&steps) {
            let state = &transition.after;
            let now = read::log_time(state);
            let counted = rows::scan::<DealtTo>(state, &(), None, usize::MAX);
            let mut counted: Vec<_> = counted.into_iter().map(|(key, _)| key).collect();
            let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
            for (number, _, _) in &counted {
                *counts.entry(*number).or_default() += 1;
            }
            let kept = rows::scan::<DealtCount>(state, &(), None, usize::MAX);
            let kept: BTreeMap<_, _> = kept.into_iter().map(|(at, row)| (at, row.0)).collect();
            prop_assert_eq!(kept, counts);
            let next = rows::get::<NextExpiry>(state, &()).map_or(NEVER, |row| row.0);
            prop_assert!(counted.iter().all(|(_, end, _)| next <= *end));
            for grant in grants(state) {
                let end = grant.end.unwrap_or(NEVER);
                let key = (grant.usage.dealt_to, end, grant.id);
                let is_counted = counted.contains(&key);
                prop_assert!(is_counted || !grant.is_live(now), "a live grant is not counted");
                prop_assert!(!is_counted || grant.end.is_some(), "a revoked grant is counted");
                counted.retain(|other| *other != key);
            }
            prop_assert_eq!(counted, vec![], "counted twice, or under another end or descriptor");
        }
    }

    #[test]
    fn without_force_no_change_of_nodes_closes_a_live_grant(steps in steps()) {
        for transition in play(&steps) {
            let Op::ChangeDescriptor { force: false, link } = transition.op() else {
                continue;
            };
            // A repeat of an order that was carried out before changes nothing.
            if transition.decision.changes.is_empty() {
                continue;
            }
            let before = descriptors(&transition.before);
            let current = before.last().unwrap();
            for grant in grants(&transition.before) {
                let dealt_to = &before[usize::try_from(grant.usage.dealt_to).unwrap()];
                let was_open = holders(dealt_to, current) >= dealt_to.threshold();
                if was_open && grant.is_live(transition.time()) {
                    let left = holders(dealt_to, &link.descriptor);
                    prop_assert!(left >= dealt_to.threshold());
                }
            }
        }
    }

    #[test]
    fn owners_are_told_of_exactly_the_live_grants_that_are_not_dealt_to_the_nodes(
        steps in steps(),
    ) {
        let transitions = play(&steps);
        let Some(end) = transitions.last() else {
            return Ok(());
        };
        let (state, now) = (&end.after, read::log_time(&end.after));
        let current = newest(state).number;
        let mut told = Vec::new();
        for person in super::history::people() {
            let page = read::grants_to_deal_again(state, &person.name, None, usize::MAX);
            told.extend(page.grants.into_iter().map(|info| info.grant));
        }
        told.sort();
        let mut expected: Vec<_> = grants(state)
            .into_iter()
            .filter(|grant| grant.is_live(now) && grant.usage.dealt_to < current)
            .map(|grant| grant.id)
            .collect();
        expected.sort();
        prop_assert_eq!(told, expected);
    }
}
