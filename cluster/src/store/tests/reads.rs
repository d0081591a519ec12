//! Reads while entries are applied, drained and overwritten.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::FutureExt;
use proptest::prelude::*;
use tokio::time::Instant;

use super::world::*;
use crate::store::Options;
use cameo_machine::{MapView, Rows, StateView};

fn everything(view: &dyn StateView) -> Rows {
    view.scan(b"", b"", usize::MAX)
}

#[test]
fn handles_and_views_are_send_and_sync() {
    fn any_thread<T: Send + Sync + 'static>() {}
    any_thread::<crate::store::State>();
    any_thread::<crate::store::StoreView>();
    any_thread::<crate::store::Snapshots>();
}

#[tokio::test]
async fn a_view_does_not_change_while_entries_are_applied_and_drained() {
    let world = World::new();
    let mut opened = world.open();
    commit(
        &mut opened,
        vec![command(1, 0, "a=1"), command(1, 1, "b=1")],
    )
    .await;
    drain(&opened);
    commit(&mut opened, vec![command(1, 2, "a=2")]).await;
    let view = opened.state.view();
    let before = everything(&view);

    commit(
        &mut opened,
        vec![
            command(1, 3, "a=3"),
            command(1, 4, "b"),
            command(1, 5, "c=3"),
        ],
    )
    .await;
    let generation = opened.state.shared.generation();
    opened.state.shared.drain_signal.request();
    assert!(
        !generation.wait_written(Duration::from_millis(300)),
        "drained under a reader"
    );

    assert_eq!(everything(&view), before);
    assert_eq!(view.get(b"b").unwrap(), b"1");
    assert_eq!(row(&opened, "a").unwrap(), "3");
    drop(view);
    drain(&opened);
    assert_eq!(row(&opened, "a").unwrap(), "3");
    assert_eq!(row(&opened, "b"), None);
}

#[tokio::test]
async fn waiting_ends_when_the_entry_is_applied_and_not_before() {
    let world = World::new();
    let mut opened = world.open();
    commit(&mut opened, append_indexes(0, 3)).await;
    let state = opened.state.clone();
    let soon = || Instant::now() + Duration::from_millis(20);
    state.wait_applied(2, soon()).await.unwrap();
    let refused = state.wait_applied(3, soon()).await.unwrap_err();
    assert_eq!((refused.wanted, refused.applied), (3, Some(2)));

    let waiting = tokio::spawn({
        let state = state.clone();
        async move {
            state
                .wait_applied(3, Instant::now() + Duration::from_secs(20))
                .await
        }
    });
    commit(&mut opened, append_indexes(3, 4)).await;
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn subscribers_learn_whose_rows_changed() {
    let world = World::new();
    let mut opened = world.open();
    let subscriptions = opened.state.subscriptions();
    let [mut ada, mut cyd] = ["ada", "cyd"].map(|name| subscriptions.user(name.parse().unwrap()));
    commit(
        &mut opened,
        vec![
            command(1, 0, "bob=1"),
            command(1, 1, "ada=1"),
            command(1, 2, "bob=2"),
        ],
    )
    .await;
    assert!(ada.changed().now_or_never().is_some());
    assert!(cyd.changed().now_or_never().is_none());
}

#[tokio::test]
async fn applying_waits_for_the_drain_when_the_overlay_is_full() {
    let world = World::new();
    let tight = Options {
        overlay_bytes: 2000,
        ..options()
    };
    let mut opened = world.try_open(tight).unwrap();
    for index in 0..100 {
        commit(
            &mut opened,
            vec![command(
                1,
                index,
                &format!("row {index}={}", "x".repeat(500)),
            )],
        )
        .await;
        let bytes = opened.state.shared.generation().overlay_bytes();
        assert!(bytes < 4000, "{bytes} bytes in the overlay");
    }
    assert_eq!(everything(&opened.state.view()).len(), 100);
}

#[tokio::test]
async fn the_hash_depends_on_the_rows_alone() {
    let (world, other) = (World::new(), World::new());
    let (mut one, mut two) = (world.open(), other.open());
    let entries = vec![
        command(1, 0, "a=1"),
        command(1, 1, "b=1"),
        command(1, 2, "a=2"),
        command(1, 3, "b"),
    ];
    commit(&mut one, entries.clone()).await;
    for entry in entries {
        commit(&mut two, vec![entry]).await;
        drain(&two);
    }
    assert_eq!(one.state.hash(), two.state.hash());
    let before = one.state.hash();
    commit(&mut one, vec![command(1, 4, "a=1")]).await;
    assert_ne!(one.state.hash().hash, before.hash);
}

#[derive(Debug, Clone)]
enum Step {
    Write(u8, Option<u8>),
    Drain,
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write = (0..12u8, proptest::option::of(any::<u8>()));
    let step = prop_oneof![
        8 => write.prop_map(|(key, value)| Step::Write(key, value)),
        2 => Just(Step::Drain),
        1 => Just(Step::Restart),
    ];
    proptest::collection::vec(step, 1..60)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The state behaves like a map, across sled, cache, resident rows, overlay and restarts.
    #[test]
    fn the_state_behaves_like_a_map(steps in steps()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let mut opened = world.open();
            let mut model = MapView(BTreeMap::new());
            let mut index = 0;
            for step in steps {
                match step {
                    Step::Write(key, value) => {
                        // Rows of sled, and of the retry table, which are resident.
                        let key = format!("{}{key:02}", ["k", "P", "Q"][usize::from(key) % 3]);
                        let text = match value {
                            Some(value) => format!("{key}={value}"),
                            None => key.clone(),
                        };
                        commit(&mut opened, vec![command(1, index, &text)]).await;
                        match value {
                            Some(value) => model.0.insert(key.into(), value.to_string().into()),
                            None => model.0.remove(key.as_bytes()),
                        };
                        index += 1;
                    }
                    Step::Drain => drain(&opened),
                    Step::Restart => {
                        drain(&opened);
                        drop(opened);
                        opened = world.open();
                    }
                }
                let view = opened.state.view();
                for (prefix, from, limit) in
                    [
                        ("", "", 99), ("", "P05", 9), ("k0", "", 3), ("k", "k03", 4),
                        ("P", "", 9), ("P0", "P04", 2), ("Q1", "Q11", 9), ("x", "", 1),
                    ]
                {
                    let (prefix, from) = (prefix.as_bytes(), from.as_bytes());
                    assert_eq!(view.scan(prefix, from, limit), model.scan(prefix, from, limit));
                }
                for key in ["k00", "k09", "P01", "P07", "Q11"] {
                    assert_eq!(view.get(key.as_bytes()), model.get(key.as_bytes()));
                }
            }
        });
    }
}
