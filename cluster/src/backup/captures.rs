//! Captures of the state at this node, by the operator's order.

use std::sync::Arc;

use cameo_common::api::MAX_CALL_LIFETIME;
use cameo_common::ids::{ClusterId, RequestId};
use cameo_common::keys::PublicKey;
use cameo_common::operator::BackupOrder;
use cameo_common::signed::Signed;
use parking_lot::Mutex;

use crate::host::clock::WallClock;
use crate::host::signatures::RememberedSignatures;
use crate::store::OnDemandSnapshots;

/// Captures for one order: each costs a pass over the rows.
pub(super) const CAPTURES_AN_ORDER: u32 = 6;

/// The operator's key, by this node's own state.
pub type OperatorKey = Box<dyn Fn() -> Option<PublicKey> + Send + Sync>;

/// The captures of one node. No other node's word makes it capture: the order does.
pub struct Captures {
    cluster: ClusterId,
    operator: OperatorKey,
    clock: Arc<dyn WallClock>,
    signatures: Arc<RememberedSignatures>,
    /// None in the simulator.
    pub(super) snapshots: Option<Arc<dyn OnDemandSnapshots>>,
    last: Mutex<Option<(RequestId, u32)>>,
}

impl std::fmt::Debug for Captures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Captures of {}", self.cluster)
    }
}

impl Captures {
    /// The captures of a node.
    #[must_use]
    pub fn new(
        cluster: ClusterId,
        operator: OperatorKey,
        clock: Arc<dyn WallClock>,
        signatures: Arc<RememberedSignatures>,
        snapshots: Option<Arc<dyn OnDemandSnapshots>>,
    ) -> Self {
        Self {
            cluster,
            operator,
            clock,
            signatures,
            snapshots,
            last: Mutex::default(),
        }
    }

    /// Captures the state at an index, and returns the last applied one. None when the order is not
    /// the operator's for now, or has had its captures.
    #[must_use]
    pub fn capture(&self, order: &Signed<BackupOrder>, index: u64) -> Option<u64> {
        let order = order.verify_by(&*self.signatures).ok()?;
        let now = self.clock.unix_millis();
        let is_ordered = order.cluster == self.cluster
            && order.not_after > now
            && order.not_after <= now.plus(MAX_CALL_LIFETIME)
            && (self.operator)() == Some(order.operator);
        let snapshots = self.snapshots.as_ref().filter(|_| is_ordered)?;
        self.is_within_limit(order.request)
            .then(|| snapshots.capture_at(index))
    }

    fn is_within_limit(&self, request: RequestId) -> bool {
        let mut last = self.last.lock();
        let before = match *last {
            Some((known, count)) if known == request => count,
            _ => 0,
        };
        *last = Some((request, before + 1));
        before < CAPTURES_AN_ORDER
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io;

    use cameo_common::ids::Millis;
    use cameo_common::keys::SigningKey;
    use futures_util::future::BoxFuture;
    use tokio::sync::watch;

    use super::*;
    use crate::host::clock::SystemClock;
    use crate::host::disk_space::LowDiskSpace;
    use crate::store::OpenSnapshot;

    const CLUSTER: ClusterId = ClusterId([5; 32]);

    #[derive(Debug, Default)]
    struct Captured(Mutex<Vec<u64>>);

    impl OnDemandSnapshots for Captured {
        fn admit(&self) -> Result<(), LowDiskSpace> {
            Ok(())
        }

        fn capture_at(&self, index: u64) -> u64 {
            self.0.lock().push(index);
            index
        }

        fn certified(&self) -> watch::Receiver<Option<u64>> {
            watch::Sender::new(None).subscribe()
        }

        fn writing(&self) -> watch::Receiver<Option<u64>> {
            watch::Sender::new(None).subscribe()
        }

        fn open(&self) -> BoxFuture<'_, io::Result<Option<OpenSnapshot>>> {
            Box::pin(async { Ok(None) })
        }
    }

    fn operator() -> SigningKey {
        SigningKey::from_seed([8; 32])
    }

    fn order(key: &SigningKey, cluster: ClusterId, not_after: Millis) -> Signed<BackupOrder> {
        let order = BackupOrder {
            operator: key.public(),
            cluster,
            request: RequestId([1; 16]),
            not_after,
        };
        Signed::new(key, order)
    }

    #[test]
    fn attack_a_node_makes_another_capture_only_by_the_operators_order_and_not_without_end() {
        let captured = Arc::new(Captured::default());
        let key = operator().public();
        let captures = Captures::new(
            CLUSTER,
            Box::new(move || Some(key)),
            Arc::new(SystemClock),
            Arc::default(),
            Some(captured.clone()),
        );
        let now = SystemClock.unix_millis();
        let soon = now.plus(std::time::Duration::from_secs(30));
        let late = now.plus(2 * MAX_CALL_LIFETIME);
        let other = SigningKey::from_seed([9; 32]);
        let mut bytes = order(&operator(), CLUSTER, soon).as_bytes().to_vec();
        bytes[70] ^= 1;
        for refused in [
            order(&other, CLUSTER, soon),
            order(&operator(), ClusterId([6; 32]), soon),
            order(&operator(), CLUSTER, now),
            order(&operator(), CLUSTER, late),
            Signed::from_bytes(bytes),
        ] {
            assert_eq!(captures.capture(&refused, 7), None);
        }
        assert!(captured.0.lock().is_empty());
        let given = order(&operator(), CLUSTER, soon);
        for index in 0..2 * u64::from(CAPTURES_AN_ORDER) {
            let _none_at_last = captures.capture(&given, index);
        }
        assert_eq!(*captured.0.lock(), [0, 1, 2, 3, 4, 5]);
    }
}
