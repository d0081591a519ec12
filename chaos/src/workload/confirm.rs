//! Confirmation by one node that it releases nothing by rights below a version.

use cameo_common::api::{ConfirmRights, Confirmed, paths};
use cameo_common::ids::NodeId;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::Confirmation;

use super::ask::Ask;
use super::client::{Client, Outcome};
use super::grant::Grant;
use crate::history::{self, ConfirmArg, Op, Operation};

impl Grant {
    /// One attempt to have a node confirm these rights, by the owner.
    pub async fn confirm(
        &self,
        client: &mut Client,
        node: NodeId,
        version: u64,
        rights: &Signed<Rights>,
    ) -> Outcome<history::Confirmed> {
        let run = client.run.clone();
        let path = paths::fill(paths::CONFIRMATION, &self.id);
        let request = client.request();
        let ask = Ask::post(path, &ConfirmRights { version }, request);
        let arg = ConfirmArg { node, version };
        let op = |out| Op::Confirm(Operation { arg, out });
        let signer = run.descriptor.node(node).map(|holder| holder.key);
        let result = |confirmed: Confirmed| {
            let said = confirmed.confirmation;
            let genuine = said.verify().is_ok_and(|content: Confirmation| {
                let same = content.version == version && content.rights == rights.hash();
                Some(content.node) == signer
                    && content.cluster == run.cluster
                    && content.grant == self.id
                    // Somebody else of the owner's may have signed later rights.
                    && (same || content.version > version)
            });
            let content = said.unverified().ok();
            history::Confirmed {
                version: content.as_ref().map_or(0, |content| content.version),
                rights: content.map_or(rights.hash(), |content| content.rights),
                genuine,
            }
        };
        let device = &self.owner.devices[0].key;
        let attempt = client.attempt(device, node, &ask, &self.key, result, op);
        attempt.await
    }
}
