//! Calls about grants, rights and views.

use cameo_common::api::{
    AckRights, ConfirmRights, Confirmed, CreateGrant, Created, DebitView, Debited, Done, GrantInfo,
    GrantList, GrantsToDealAgain, LogInfo, PutDeal, PutReceipt, PutRights, ReleasePart, Released,
    Reopen, RightsStored, paths,
};
use cameo_common::cluster_descriptor::NodeIdentity;
use cameo_common::ids::{GrantId, NodeId};
use cameo_common::op::Op;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Confirmation, Deal, Receipt, Reopening, RightsAck, ViewRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::nodes::Server;
use super::signed_call::Proof;
use super::{ClusterApi, ClusterError};

/// Bound on the pages of the list of grants.
const MAX_PAGES: usize = 1_000;

impl ClusterApi {
    /// Records a grant.
    ///
    /// # Errors
    /// `GrantExists` when a live grant of this owner, viewer and image exists.
    pub async fn create_grant(&self, create: &CreateGrant) -> Result<Created, ClusterError> {
        self.command(paths::GRANTS.to_owned(), create, create).await
    }

    /// The ledger's state of one grant.
    ///
    /// # Errors
    /// `NotFound` when it does not exist or the caller is not a party of it.
    pub async fn grant(&self, grant: &GrantId) -> Result<GrantInfo, ClusterError> {
        self.get(paths::fill(paths::GRANT, grant)).await
    }

    /// The same by one node, tried once.
    ///
    /// # Errors
    /// `NotFound` when this node says that it does not exist.
    pub async fn grant_at(&self, node: NodeId, grant: &GrantId) -> Result<GrantInfo, ClusterError> {
        let server = self.known_server(node).await?;
        self.get_at(&server, paths::fill(paths::GRANT, grant)).await
    }

    /// What each node says of a grant, all asked at once. Nodes that do not answer in
    /// time are left out.
    pub async fn grant_by_each(&self, grant: &GrantId) -> Vec<GrantInfo> {
        self.each_says(|node| self.grant_at(node, grant)).await
    }

    /// All grants of the caller, as owner and as viewer.
    ///
    /// # Errors
    /// When a page cannot be read.
    pub async fn grants(&self) -> Result<Vec<GrantInfo>, ClusterError> {
        let mut all: Vec<GrantInfo> = Vec::new();
        for _ in 0..MAX_PAGES {
            let path = match all.last() {
                None => paths::GRANTS.to_owned(),
                Some(last) => format!("{}?after={}", paths::GRANTS, last.grant),
            };
            let page: GrantList = self.get(path).await?;
            let empty = page.grants.is_empty();
            all.extend(page.grants);
            if !page.more || empty {
                break;
            }
        }
        Ok(all)
    }

    /// A page of the caller's own live grants whose newest deal is not to the cluster's present
    /// nodes, as a node says.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn grants_to_deal_again(
        &self,
        after: Option<GrantId>,
    ) -> Result<GrantsToDealAgain, ClusterError> {
        let path = paths::GRANTS_TO_DEAL_AGAIN;
        self.get(match after {
            None => path.to_owned(),
            Some(after) => format!("{path}?after={after}"),
        })
        .await
    }

    /// Records the next deal of a grant.
    ///
    /// # Errors
    /// `BadDeal` when it is not to the present nodes, or another entry came first.
    pub async fn put_deal(
        &self,
        grant: &GrantId,
        deal: Signed<Deal>,
    ) -> Result<Done, ClusterError> {
        let path = paths::fill(paths::DEALS, grant);
        let body = PutDeal { deal };
        self.command(path, &body, &body).await
    }

    /// Opens a grant that a restore has closed.
    ///
    /// # Errors
    /// `BadDeal` when the statements are not by the present rights, views used and nodes.
    pub async fn reopen(
        &self,
        grant: &GrantId,
        reopening: Signed<Reopening>,
        deal: Signed<Deal>,
    ) -> Result<Done, ClusterError> {
        let path = paths::fill(paths::REOPENING, grant);
        let body = Reopen { reopening, deal };
        self.command(path, &body, &body).await
    }

    /// The charged views of a grant, for its owner.
    ///
    /// # Errors
    /// `Forbidden` for its viewer.
    pub async fn grant_log(&self, grant: &GrantId) -> Result<LogInfo, ClusterError> {
        self.get(paths::fill(paths::GRANT_LOG, grant)).await
    }

    /// Records the viewer's receipt of the carrier.
    ///
    /// # Errors
    /// When the ledger refuses it or cannot be reached.
    pub async fn put_receipt(
        &self,
        grant: &GrantId,
        receipt: Signed<Receipt>,
    ) -> Result<Done, ClusterError> {
        let path = paths::fill(paths::RECEIPT, grant);
        let body = PutReceipt { receipt };
        self.command(path, &body, &body).await
    }

    /// Records rights and puts them into the viewer's mailbox.
    ///
    /// # Errors
    /// `StaleVersion` when the ledger has the same or a higher version.
    pub async fn put_rights(
        &self,
        grant: &GrantId,
        rights: Signed<Rights>,
    ) -> Result<RightsStored, ClusterError> {
        let path = paths::fill(paths::RIGHTS, grant);
        let body = PutRights { rights };
        self.command(path, &body, &body).await
    }

    /// Records the viewer's acknowledgement of rights.
    ///
    /// # Errors
    /// When the ledger refuses it or cannot be reached.
    pub async fn ack_rights(
        &self,
        grant: &GrantId,
        ack: Signed<RightsAck>,
    ) -> Result<RightsStored, ClusterError> {
        let path = paths::fill(paths::ACK, grant);
        let body = AckRights { ack };
        self.command(path, &body, &body).await
    }

    /// Charges one view. Repeated calls with the same view request charge it once.
    ///
    /// # Errors
    /// `Revoked`, `Expired`, `UsedUp`.
    pub async fn debit(
        &self,
        grant: &GrantId,
        request: Signed<ViewRequest>,
    ) -> Result<Debited, ClusterError> {
        let path = paths::fill(paths::VIEWS, grant);
        self.post_signed(path, &DebitView { request }).await
    }

    /// The same debit at the other nodes, each tried once, without the one that answered last.
    ///
    /// # Errors
    /// The last node's, when none of them confirms the debit.
    pub async fn debit_elsewhere(
        &self,
        grant: &GrantId,
        request: Signed<ViewRequest>,
    ) -> Result<Debited, ClusterError> {
        let body = DebitView { request };
        let end = Instant::now() + self.deadline();
        let mut last = ClusterError::NoQuorum;
        let servers = self.nodes().servers();
        let answered_last = servers.first().map(|server| server.key);
        for server in &servers {
            if Some(server.key) == answered_last {
                continue;
            }
            if Instant::now() >= end {
                break;
            }
            let path = paths::fill(paths::VIEWS, grant);
            match self.post_at(server, Proof::Body, path, &body).await {
                Ok(debited) => {
                    self.prefer(server);
                    return Ok(debited);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// One node's part of a charged view. Only that node has it, which may have left the cluster.
    ///
    /// # Errors
    /// `NotDebited` when the view can no longer be resumed.
    pub async fn part(
        &self,
        holder: &NodeIdentity,
        grant: &GrantId,
        ask: &ReleasePart,
    ) -> Result<Released, ClusterError> {
        let found = self.server_of_key(&holder.key).await;
        let server = found.ok_or_else(|| unreachable(holder.id))?;
        self.post_at_node(server, paths::fill(paths::PARTS, grant), ask)
            .await
    }

    /// One node's confirmation that it releases nothing by rights below this version. The caller
    /// verifies it.
    ///
    /// # Errors
    /// `Unavailable` when the node's ledger lacks that version.
    pub async fn confirm_at(
        &self,
        node: NodeId,
        grant: &GrantId,
        version: u64,
    ) -> Result<Signed<Confirmation>, ClusterError> {
        let path = paths::fill(paths::CONFIRMATION, grant);
        let server = self.known_server(node).await?;
        let answer: Confirmed = self
            .post_at_node(server, path, &ConfirmRights { version })
            .await?;
        Ok(answer.confirmation)
    }

    /// Records rights by way of one node, tried once.
    ///
    /// # Errors
    /// As for [`ClusterApi::put_rights`].
    pub async fn put_rights_at(
        &self,
        node: NodeId,
        grant: &GrantId,
        rights: Signed<Rights>,
    ) -> Result<RightsStored, ClusterError> {
        let server = self.known_server(node).await?;
        let path = paths::fill(paths::RIGHTS, grant);
        let body = PutRights { rights };
        let proof = Proof::of_command(&Op::from(&body));
        self.post_at(&server, proof, path, &body).await
    }

    /// One call at one node, where it says that it is, or has gone to.
    async fn post_at_node<B: Serialize, A: DeserializeOwned>(
        &self,
        server: Server,
        path: String,
        body: &B,
    ) -> Result<A, ClusterError> {
        let answer = self.post_at(&server, Proof::Tls, path.clone(), body).await;
        if !matches!(answer, Err(ClusterError::Unreachable { .. })) {
            return answer;
        }
        match self.new_server(&server).await {
            Some(moved) => self.post_at(&moved, Proof::Tls, path, body).await,
            None => answer,
        }
    }

    pub(super) async fn known_server(&self, node: NodeId) -> Result<Server, ClusterError> {
        let found = self.server_of(node).await;
        found.ok_or_else(|| unreachable(node))
    }
}

fn unreachable(node: NodeId) -> ClusterError {
    ClusterError::Unreachable {
        tried: format!("node {node}"),
    }
}
