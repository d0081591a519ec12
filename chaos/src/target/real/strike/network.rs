//! Faults of the network.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::process::sign;
use super::{Signs, Strike};
use crate::faults::{Kind, Strength};
use crate::history::Struck;
use crate::target::real::network::Rule;

/// Puts a rule on links, and counts what it touches.
pub(super) async fn links(strike: &Strike<'_>) -> Struck {
    let mut signs = Signs::new();
    let Some(network) = &strike.world.links else {
        signs.add(false, "the network is left as it is");
        return signs.struck();
    };
    let links = strike.planned.links(&strike.world.founders, strike.leader);
    let rule = rule(strike.planned.kind, strike.planned.strength);
    let before = network.counts(&links);
    let touched = || network.counts(&links).touched() - before.touched();
    let began = Instant::now();
    let mut switches = strike.planned.switches();
    let last = switches.pop();
    for (after, on) in switches {
        sleep_until(began + after).await;
        let rule = if on { rule } else { Rule::default() };
        network.set(&links, rule);
    }
    if last.is_some() {
        strike.hold().await;
    }
    let bit = sign(strike, async || touched() > 0).await;
    network.set(&links, Rule::default());
    signs.add(
        bit,
        format!(
            "{} {} on {} links",
            touched(),
            network.carried(),
            links.len()
        ),
    );
    signs.struck()
}

fn rule(kind: Kind, strength: Strength) -> Rule {
    let mut rule = Rule::default();
    match (kind, strength) {
        (Kind::Loss, Strength::Percent(percent)) => rule.loss = percent,
        (Kind::Reorder, Strength::Percent(percent)) => rule.reorder = percent,
        (_, Strength::Delay(delay)) => rule.delay = delay.max(Duration::from_millis(1)),
        (_, Strength::BytesPerSecond(bytes)) => rule.bytes_per_second = Some(bytes),
        _ => rule.cut = true,
    }
    rule
}

/// Clients do not reach the nodes, which reach each other.
pub(super) async fn clients_cut(strike: &Strike<'_>) -> Struck {
    let cut = &strike.world.clients_cut;
    let before = cut.met();
    cut.set(strike.nodes.iter().copied());
    strike.hold().await;
    let bit = sign(strike, async || cut.met() > before).await;
    cut.set([]);
    let mut signs = Signs::new();
    signs.add(bit, format!("{} calls met it", cut.met() - before));
    signs.struck()
}
