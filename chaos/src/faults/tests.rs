//! Properties of every plan.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cameo_common::ids::NodeId;
use proptest::prelude::*;

use super::{Kind, Lane, Link, Planned, Strength, Victims, liars, plan, quiet_from, select};

const SIZES: std::ops::RangeInclusive<u64> = 3..=7;
const STEP: Duration = Duration::from_millis(50);

fn members(nodes: u64) -> Vec<NodeId> {
    (1..=nodes).map(NodeId).collect()
}

/// Whether some majority of nodes runs at `at` and each of them reaches one of them.
fn has_majority(plan: &[Planned], nodes: u64, at: Duration, leader: NodeId) -> bool {
    let now: Vec<_> = plan
        .iter()
        .filter(|fault| fault.at <= at && at < fault.ends())
        .collect();
    let mut down = BTreeSet::new();
    let mut cut: BTreeSet<Link> = BTreeSet::new();
    for fault in now {
        let takes_away = fault.kind.lane() == Lane::Node
            && !matches!(fault.kind, Kind::RollingRestart | Kind::SlowSync);
        if takes_away {
            down.extend(fault.nodes(Some(leader)));
        }
        if fault.kind.is_partition() {
            cut.extend(fault.links(&members(nodes), Some(leader)));
        }
    }
    let reaches = |from: NodeId, to: NodeId| {
        from == to
            || (!cut.contains(&Link { from, to }) && !cut.contains(&Link { from: to, to: from }))
    };
    let up: Vec<_> = members(nodes)
        .into_iter()
        .filter(|node| !down.contains(node))
        .collect();
    up.iter().any(|from| {
        let reached = up.iter().filter(|to| reaches(*from, **to)).count();
        2 * reached > usize::try_from(nodes).expect("small")
    })
}

proptest! {
    #[test]
    fn given_a_seed_when_it_is_planned_twice_then_the_plans_are_the_same(
        seed: u64, nodes in SIZES, seconds in 10u64..300,
    ) {
        let whole = Duration::from_secs(seconds);
        let once = plan(seed, whole, nodes, &Kind::ALL);
        prop_assert_eq!(&once, &plan(seed, whole, nodes, &Kind::ALL));
        prop_assert_ne!(&once, &plan(seed.wrapping_add(1), whole, nodes, &Kind::ALL));
    }

    #[test]
    fn given_any_run_when_it_is_planned_then_every_fault_is_over_before_the_quiet_tail(
        seed: u64, nodes in SIZES, seconds in 0u64..200,
    ) {
        let whole = Duration::from_secs(seconds);
        let plan = plan(seed, whole, nodes, &Kind::ALL);
        for fault in &plan {
            prop_assert!(fault.ends() <= quiet_from(whole), "{:?}", fault);
            prop_assert!(fault.lasts > Duration::ZERO);
        }
        prop_assert!(plan.is_sorted_by_key(|fault| fault.at));
    }

    #[test]
    fn given_some_minutes_when_all_kinds_are_asked_for_then_each_strikes_that_can(
        seed: u64, nodes in SIZES,
    ) {
        let plan = plan(seed, Duration::from_secs(240), nodes, &Kind::ALL);
        for kind in Kind::ALL {
            let strikes = plan.iter().any(|fault| fault.kind == kind);
            prop_assert_eq!(strikes, kind.impossible(nodes).is_none(), "{}", kind);
        }
    }

    #[test]
    fn given_some_minutes_when_all_nodes_may_be_struck_then_they_are_and_the_leader_too(
        seed: u64, nodes in SIZES,
    ) {
        let plan = plan(seed, Duration::from_secs(300), nodes, &[Kind::Kill]);
        let everybody = Victims::Nodes(members(nodes));
        prop_assert!(plan.iter().any(|fault| fault.victims == everybody));
        prop_assert!(plan.iter().any(|fault| fault.victims == Victims::Leader));
    }

    #[test]
    fn given_all_kinds_when_they_overlap_then_a_majority_is_there_most_of_the_time(
        seed: u64, nodes in SIZES, leader in 1u64..=3,
    ) {
        let whole = Duration::from_secs(180);
        let plan = plan(seed, whole, nodes, &Kind::ALL);
        let mut steps = 0u32;
        let mut there = 0u32;
        let mut at = Duration::ZERO;
        while at < quiet_from(whole) {
            steps += 1;
            there += u32::from(has_majority(&plan, nodes, at, NodeId(leader)));
            at += STEP;
        }
        prop_assert!(5 * there > 3 * steps, "{there} of {steps}");
        prop_assert!(there < steps, "and it is gone at times");
    }

    #[test]
    fn given_one_lane_when_faults_are_planned_then_they_follow_one_another(
        seed: u64, nodes in SIZES,
    ) {
        let plan = plan(seed, Duration::from_secs(120), nodes, &Kind::ALL);
        let mut last: BTreeMap<Lane, Duration> = BTreeMap::new();
        for fault in &plan {
            let before = last.insert(fault.kind.lane(), fault.ends());
            prop_assert!(before.is_none_or(|end| end < fault.at), "{:?}", fault);
        }
    }

    #[test]
    fn given_partitions_when_they_are_planned_then_each_has_its_form(
        seed: u64, nodes in 4u64..=7, leader in 1u64..=3,
    ) {
        let everybody = members(nodes);
        let size = everybody.len();
        let plan = plan(seed, Duration::from_secs(120), nodes, &Kind::ALL);
        for fault in plan.iter().filter(|fault| fault.kind.is_partition()) {
            let cut = fault.links(&everybody, Some(NodeId(leader)));
            prop_assert!(!cut.is_empty(), "{:?}", fault);
            let reached = |from: NodeId| {
                let away = cut.iter().filter(|link| link.from == from).count();
                size - away
            };
            let cut_off: Vec<_> = everybody.iter().filter(|node| reached(**node) < size).collect();
            match fault.kind {
                Kind::Isolate => {
                    let alone = fault.nodes(Some(NodeId(leader)));
                    prop_assert_eq!(alone.len(), 1);
                    prop_assert_eq!(reached(alone[0]), 1);
                    prop_assert_eq!(cut.len(), 2 * (size - 1));
                }
                Kind::OneWay => {
                    prop_assert_eq!(cut.len(), size - 1);
                    prop_assert_eq!(cut_off.len(), 1);
                }
                Kind::Bridge => prop_assert_eq!(cut_off.len(), size - 1),
                Kind::Ring => for node in &everybody {
                    prop_assert!(reached(*node) < size || size == 6, "{:?}", fault);
                    prop_assert!(2 * reached(*node) > size, "{:?}", fault);
                },
                _ => prop_assert_eq!(cut_off.len(), size),
            }
        }
    }

    #[test]
    fn given_lies_when_they_are_planned_then_the_same_few_nodes_lie_all_the_time(
        seed: u64, nodes in SIZES,
    ) {
        let liars = liars(seed, nodes);
        let releases_a_view = usize::try_from(nodes).expect("small") / 2 + 1;
        prop_assert!(!liars.is_empty() && liars.len() < releases_a_view, "{:?}", liars);
        let plan = plan(seed, Duration::from_secs(60), nodes, &Kind::LIES);
        for kind in Kind::LIES {
            prop_assert!(plan.iter().any(|fault| fault.kind == kind), "{}", kind);
        }
        for fault in plan {
            prop_assert_eq!(fault.victims, Victims::Nodes(liars.clone()));
        }
    }

    #[test]
    fn given_old_folders_when_they_are_planned_then_each_is_put_at_one_honest_node(
        seed: u64, nodes in SIZES,
    ) {
        let liars = liars(seed, nodes);
        let plan = plan(seed, Duration::from_secs(60), nodes, &[Kind::OldFolder]);
        prop_assert!(!plan.is_empty());
        for fault in plan {
            let Victims::Nodes(victims) = fault.victims else {
                return Err(TestCaseError::fail("no node"));
            };
            prop_assert!(victims.len() == 1 && !liars.contains(&victims[0]));
        }
    }

    #[test]
    fn given_a_flapping_link_when_it_is_switched_then_it_ends_healed(seed: u64) {
        for fault in plan(seed, Duration::from_secs(60), 5, &[Kind::Flapping]) {
            let switches = fault.switches();
            prop_assert!(switches.len() > 4, "{:?}", switches);
            prop_assert_eq!(switches.last().map(|(_, on)| *on), Some(false));
            let alternate = |two: &[(_, bool)]| two[0].1 != two[1].1;
            prop_assert!(switches.windows(2).all(alternate));
            prop_assert!(switches.is_sorted_by_key(|(at, _)| *at));
            prop_assert!(switches.iter().all(|(at, _)| *at <= fault.lasts));
        }
    }

    #[test]
    fn given_clocks_when_they_go_wrong_then_a_majority_is_right(seed: u64, nodes in SIZES) {
        let plan = plan(seed, Duration::from_secs(60), nodes, &[Kind::ClockJump, Kind::ClockDrift]);
        for fault in plan {
            let wrong = fault.nodes(Some(NodeId(1))).len();
            prop_assert!(2 * wrong < members(nodes).len(), "{:?}", fault);
            prop_assert_ne!(fault.strength, Strength::Whole);
        }
    }
}

#[test]
fn given_a_bridge_over_the_leader_when_it_is_aimed_then_the_leader_is_cut_from_somebody() {
    for seed in 0..20 {
        for planned in plan(seed, Duration::from_secs(60), 5, &[Kind::Bridge]) {
            for leader in (1..=5).map(NodeId) {
                let aimed = planned.clone().past_the_leader(Some(leader));
                let links = aimed.links(&members(5), Some(leader));
                let from_leader = links.iter().filter(|link| link.from == leader);
                assert!(
                    from_leader.count() > 0,
                    "seed {seed}, leader {leader}: {aimed:?}"
                );
                let before = planned.links(&members(5), Some(leader));
                assert_eq!(links.len(), before.len(), "seed {seed}");
            }
        }
    }
}

#[test]
fn given_names_and_groups_when_they_are_selected_then_each_kind_is_there_once() {
    assert_eq!(select("all"), Ok(Kind::ALL.to_vec()));
    assert_eq!(select("none"), Ok(Vec::new()));
    assert_eq!(
        select("pause, kill,kill"),
        Ok(vec![Kind::Kill, Kind::Pause])
    );
    let partitions = select("partition,isolate").expect("known");
    assert_eq!(partitions.len(), 7, "{partitions:?}");
    assert_eq!(select("lies"), Ok(Kind::LIES.to_vec()));
    for kind in Kind::ALL
        .into_iter()
        .chain(Kind::LIES)
        .chain([Kind::OldFolder])
    {
        assert_eq!(select(kind.name()), Ok(vec![kind]));
    }
    assert!(select("kil").is_err());
    assert!(select("").is_err());
}
