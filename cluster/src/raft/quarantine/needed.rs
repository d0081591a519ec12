//! Numbers of other voters that have to answer before a node takes part.

/// Two numbers of other voters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Needed {
    /// As many meet every majority that the node was in: one of them remembers what that majority
    /// has decided with it.
    pub usually: usize,
    /// As many make a majority with the node. Fewer decide nothing anyway.
    pub after_grace: usize,
}

impl Needed {
    /// Of a node that has promised nothing yet.
    pub const NONE: Self = Self {
        usually: 0,
        after_grace: 0,
    };

    /// The same of a node whose folder may be a copy.
    pub fn without_grace(self) -> Self {
        Self {
            after_grace: self.usually,
            ..self
        }
    }

    /// Of one of `voters`, `threshold` of whom are a majority.
    pub fn among(voters: usize, threshold: usize) -> Self {
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
}
