//! The bound of DESIGN: with m bad of all n holders, at most floor((n - m) N / (t - m)) of N
//! permitted views are released.

use proptest::prelude::*;

use super::super::kept::Kept;
use super::{OWNER, at, request, shown};

/// A view is released with t parts. Bad holders give theirs always; the honest ones give theirs by
/// their floors, whatever state they are shown. The attacker names the holders for each request.
fn released(n: usize, m: usize, t: usize, permitted: u32, asks: &[Vec<bool>]) -> usize {
    let mut honest: Vec<_> = (m..n).map(|_| Kept::of(OWNER, Vec::new(), 0)).collect();
    let mut views = 0;
    for (number, asked) in asks.iter().enumerate() {
        let release = Some((request(number as u32), at(0)));
        let given = honest.iter_mut().zip(asked).filter_map(|(floor, asked)| {
            asked.then(|| floor.record(&shown(1, permitted), release).is_ok())
        });
        let given = given.filter(|given| *given).count();
        views += usize::from(given + m >= t);
    }
    views
}

proptest! {
    #[test]
    fn attack_no_choice_of_holders_releases_more_than_the_bound(
        (n, m) in (1..8usize).prop_flat_map(|n| (Just(n), 0..n.div_ceil(2))),
        permitted in 0..6u32,
        asks in prop::collection::vec(prop::collection::vec(any::<bool>(), 8), 0..60),
    ) {
        let t = n / 2 + 1;
        let bound = (n - m) * permitted as usize / (t - m);
        prop_assert!(released(n, m, t, permitted, &asks) <= bound);
    }
}

/// The bound is reached: it is not a looser one that the floors keep.
#[test]
fn given_three_holders_and_one_bad_then_twice_as_many_views_are_released_at_most() {
    let each_alone: Vec<_> = (0..20).map(|n| vec![n % 2 == 0, n % 2 == 1]).collect();
    assert_eq!(released(3, 1, 2, 4, &each_alone), 8);
    // With none bad, three pairs of holders share 12 parts.
    let pairs = [
        [true, true, false],
        [false, true, true],
        [true, false, true],
    ];
    let pairs: Vec<_> = (0..20).map(|n| pairs[n % 3].to_vec()).collect();
    assert_eq!(released(3, 0, 2, 4, &pairs), 6);
}
