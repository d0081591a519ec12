//! L9: of n holders of which m lie, with t parts to a view, at most (n - m) N / (t - m) views of N
//! permitted ones are released, rounded down; N where none lies and no state is touched.
//!
//! Seen: for how many requests of a grant the honest holders have given parts of one deal. A lying
//! one is taken to give its part always, so t - m honest ones make a view. N is the most that any
//! version permitted which had been tried by then: a grant's views are counted from its beginning.

use std::collections::{BTreeMap, BTreeSet};

use cameo_common::ids::{NodeId, RequestId};

use super::facts::{Facts, GrantFacts};
use super::found::Found;
use crate::history::Key;

/// Holders that give parts, how many of them lie, and how many parts make a view.
#[derive(Debug, Clone, Copy)]
struct Holders {
    all: usize,
    liars: usize,
    threshold: usize,
}

impl Holders {
    fn of(facts: &Facts<'_>) -> Self {
        let all = facts.begin.map_or(0, |begin| begin.nodes as usize);
        Self {
            all,
            liars: facts.liars(),
            threshold: all / 2 + 1,
        }
    }

    /// Parts of honest holders with which the liars have a view.
    fn honest_parts(&self) -> usize {
        self.threshold.saturating_sub(self.liars)
    }

    fn bound(&self, permitted: usize) -> usize {
        match self.liars {
            0 => permitted,
            liars => (self.all - liars) * permitted / self.honest_parts().max(1),
        }
    }
}

pub(super) fn judge(facts: &Facts<'_>) -> Found {
    let mut found = Found::new("views for which enough parts were given");
    let holders = Holders::of(facts);
    for (key, grant) in &facts.grants {
        judge_grant(key, grant, holders, &mut found);
    }
    found
}

fn judge_grant(key: &Key, grant: &GrantFacts<'_>, holders: Holders, found: &mut Found) {
    let mut parts: BTreeMap<(RequestId, u64), BTreeSet<NodeId>> = BTreeMap::new();
    let mut views: BTreeMap<RequestId, usize> = BTreeMap::new();
    for at in &grant.releases {
        let Some(part) = at.acked() else {
            continue;
        };
        let request = at.arg.request;
        let of_deal = parts.entry((request, part.deal)).or_default();
        of_deal.insert(at.arg.node);
        if of_deal.len() < holders.honest_parts() || views.contains_key(&request) {
            continue;
        }
        found.check();
        views.insert(request, at.row);
        let tried = grant.versions.all().iter();
        let tried = tried.filter(|version| version.first_call <= at.end());
        let permitted = tried.map(|version| version.terms.permitted).max();
        let bound = holders.bound(permitted.unwrap_or(0) as usize);
        if views.len() > bound {
            let sentence = format!(
                "{} views were released, and at most {bound} may be: {} nodes of {} lie",
                views.len(),
                holders.liars,
                holders.all
            );
            found.invalid(Some(key), views.into_values(), sentence);
            return;
        }
    }
}
