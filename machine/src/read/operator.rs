//! Reads of what the operator has decided.

use cameo_common::ids::NodeId;
use cameo_common::keys::PublicKey;
use cameo_common::registration::RegistrationMode;

use crate::cluster;
use crate::rows::{self, AdmittedWorker, Registration};
use crate::state_view::StateView;

/// The operator's key; `None` before the cluster is founded.
#[must_use]
pub fn operator(view: &dyn StateView) -> Option<PublicKey> {
    cluster::current_descriptor(view).map(|descriptor| descriptor.operator)
}

/// Who may register at present; `None` before the cluster is founded.
#[must_use]
pub fn registration_mode(view: &dyn StateView) -> Option<RegistrationMode> {
    rows::get::<Registration>(view, &()).map(|row| row.0)
}

/// The key of a node that is admitted as a worker and was not removed.
#[must_use]
pub fn admitted_worker(view: &dyn StateView, node: NodeId) -> Option<PublicKey> {
    let row = rows::get::<AdmittedWorker>(view, &node)?;
    (!row.removed).then_some(row.key)
}
