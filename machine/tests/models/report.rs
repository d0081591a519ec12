//! Runs a model to its end, prints how many states it has, and names the laws that it refutes.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::time::Instant;

use stateright::{Checker, HasDiscoveries, Model};

const THREADS: usize = 2;

/// Explores all states; panics with a history when a law does not hold, and when one of
/// the `sometimes` properties, by which a model shows that it reaches what it is about, never does.
pub fn assert_all_laws<M>(name: &str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Hash + Clone + PartialEq + Send + Sync,
    M::Action: Debug + Clone + PartialEq,
{
    let began = Instant::now();
    let checker = model.checker().threads(THREADS).spawn_bfs().join();
    println!(
        "{name}: {} states, {} transitions, {} deep, {:.1} s",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        began.elapsed().as_secs_f64()
    );
    assert!(checker.is_done());
    checker.assert_properties();
}

/// Explores until the law is refuted; panics when all states are explored and it is not.
pub fn assert_refuted<M>(name: &str, law: &'static str, model: M)
where
    M: Model + Send + Sync + 'static,
    M::State: Debug + Hash + Clone + PartialEq + Send + Sync,
    M::Action: Debug + Clone + PartialEq,
{
    let wanted = BTreeSet::from([law]);
    let checker = model
        .checker()
        .threads(THREADS)
        .finish_when(HasDiscoveries::AllOf(wanted))
        .spawn_bfs()
        .join();
    let Some(path) = checker.discovery(law) else {
        panic!(
            "{name} is not noticed by {law} in {} states",
            checker.unique_state_count()
        );
    };
    println!("{name} breaks {law}: {:?}", path.into_actions());
}
