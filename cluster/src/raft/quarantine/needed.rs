//! Other voters that have to answer before a node takes part: so many of each configuration in
//! which it may have promised something.

use std::collections::BTreeSet;

use cameo_common::ids::NodeId;

/// Two numbers of other voters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Needed {
    /// As many meet every majority that the node was in: one of them remembers what that majority
    /// has decided with it.
    usually: usize,
    /// As many make a majority with the node. Fewer decide nothing anyway.
    after_grace: usize,
}

impl Needed {
    /// Of one of `voters`, `threshold` of whom are a majority.
    fn among(voters: usize, threshold: usize) -> Self {
        let others = voters.saturating_sub(1);
        let after_grace = threshold.saturating_sub(1).min(others);
        // A majority has `threshold - 1` others: all but one fewer of the others may miss it.
        let meets_all = (voters + 1).saturating_sub(threshold).min(others);
        Self {
            usually: meets_all.max(after_grace),
            after_grace,
        }
    }
}

/// The other voters of one configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Others {
    ids: BTreeSet<NodeId>,
    needed: Needed,
}

/// Those who have to answer. While the voters change there are two configurations, and a majority
/// of each decides: one of either may be all that remembers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct NeededAnswers(Vec<Others>);

impl NeededAnswers {
    /// Of a node that may have voted in these configurations. Nobody where it has promised nothing.
    pub fn of(me: NodeId, configurations: impl IntoIterator<Item = BTreeSet<NodeId>>) -> Self {
        let mut all = Vec::new();
        for mut ids in configurations {
            if !ids.remove(&me) {
                continue;
            }
            let voters = ids.len() + 1;
            let needed = Needed::among(voters, voters / 2 + 1);
            let others = Others { ids, needed };
            if needed.usually > 0 && !all.contains(&others) {
                all.push(others);
            }
        }
        Self(all)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The same of a node whose folder may be a copy: it has no grace.
    pub fn without_grace(mut self) -> Self {
        for others in &mut self.0 {
            others.needed.after_grace = others.needed.usually;
        }
        self
    }

    /// How many of one configuration have to answer yet; the most where there are several. Where
    /// there is one, voters of earlier ones count too: a node that is promoted has voted in none.
    pub fn missing(&self, heard: &BTreeSet<NodeId>, grace_is_over: bool) -> usize {
        let is_one = self.0.len() == 1;
        let missing = self.0.iter().map(|others| {
            let needed = match grace_is_over {
                true => others.needed.after_grace,
                false => others.needed.usually,
            };
            needed.saturating_sub(match is_one {
                true => heard.len(),
                false => others.ids.intersection(heard).count(),
            })
        });
        missing.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_answers_meet_every_majority_that_the_node_was_in() {
        for voters in 1..=9 {
            let threshold = voters / 2 + 1;
            let needed = Needed::among(voters, threshold);
            let (others, with_it) = (voters - 1, threshold - 1);
            // then none of its majorities lies wholly among those that have not answered,
            assert!(with_it == 0 || others - needed.usually < with_it);
            // and no more are waited for than there are.
            assert!(needed.usually <= others && needed.after_grace == with_it);
        }
        let of = |voters, threshold| {
            let needed = Needed::among(voters, threshold);
            (needed.usually, needed.after_grace)
        };
        assert_eq!([of(1, 1), of(3, 2), of(5, 3)], [(0, 0), (2, 1), (3, 2)]);
    }

    fn ids(ids: impl IntoIterator<Item = u64>) -> BTreeSet<NodeId> {
        ids.into_iter().map(NodeId).collect()
    }

    #[test]
    fn while_the_voters_change_so_many_of_both_configurations_have_to_answer() {
        // given voter 1, where 1 to 3 were the voters, and 1, 4 and 5 are to be
        let needed = NeededAnswers::of(NodeId(1), [ids(1..=3), ids([1, 4, 5])]);
        let missing = |heard: &[u64], grace| needed.missing(&ids(heard.iter().copied()), grace);
        // then those of one do not open it, neither before the grace is over nor after
        for heard in [&[2, 3][..], &[4, 5]] {
            assert_eq!((missing(heard, false), missing(heard, true)), (2, 1));
        }
        assert_eq!((missing(&[2, 4], false), missing(&[2, 4], true)), (1, 0));
        assert_eq!(missing(&[2, 3, 4, 5], false), 0);
        // and strangers count for nothing
        assert_eq!(missing(&[6, 7, 8], true), 1);
        let copy = needed.clone().without_grace();
        assert_eq!(copy.missing(&ids([2, 4]), true), 1);
    }

    #[test]
    fn a_node_waits_for_nobody_in_a_configuration_without_it_or_alone() {
        let none = NeededAnswers::of(NodeId(1), [ids([2, 3]), ids([1])]);
        assert!(none.is_empty());
        let once = NeededAnswers::of(NodeId(1), [ids(1..=3), ids(1..=3)]);
        assert_eq!(once, NeededAnswers::of(NodeId(1), [ids(1..=3)]));
    }
}
