//! openraft's storage suite with this log and state machine.

use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};

use super::world::World;
use crate::consensus_types::TypeConfig;
use crate::store::{Opened, State, StateMachine, Store, Wal};

struct Builder;

/// Keeps directory and drain alive while a test runs.
struct Guard {
    _store: Store,
    _state: State,
    _world: World,
}

impl StoreBuilder<TypeConfig, Wal, StateMachine, Guard> for Builder {
    async fn build(&self) -> Result<(Guard, Wal, StateMachine), StorageError<TypeConfig>> {
        let world = World::new();
        let Opened {
            log,
            state_machine,
            state,
            store,
            ..
        } = world.open();
        let guard = Guard {
            _store: store,
            _state: state,
            _world: world,
        };
        Ok((guard, log, state_machine))
    }
}

#[tokio::test]
async fn log_and_state_machine_pass_openrafts_suite() {
    Suite::test_all(Builder).await.unwrap();
}
