//! Calls about users and presence.

use cameo_common::api::{
    Done, EndSession, KeepAlive, Online, Register, Registered, ReportOffline, ReportedOffline,
    RevokeDevice, SessionStarted, StartSession, UserInfo, paths,
};
use cameo_common::ids::{NodeId, UserName};
use cameo_common::op::Op;

use super::signed_call::Proof;
use super::{ClusterApi, ClusterError};

impl ClusterApi {
    /// Registers a user and this device. Changes nothing when both are registered.
    ///
    /// # Errors
    /// `NameTaken` when the name belongs to another key.
    pub async fn register(&self, register: &Register) -> Result<Registered, ClusterError> {
        self.command(paths::USERS.to_owned(), register, register)
            .await
    }

    /// The directory's state of a user.
    ///
    /// # Errors
    /// `NotRegistered` when the name is not registered.
    pub async fn user(&self, name: &UserName) -> Result<UserInfo, ClusterError> {
        self.get(paths::fill(paths::USER, name)).await
    }

    /// One node's answer about a user, tried once.
    ///
    /// # Errors
    /// As for [`ClusterApi::user`].
    pub async fn user_at(&self, node: NodeId, name: &UserName) -> Result<UserInfo, ClusterError> {
        let server = self.known_server(node).await?;
        self.get_at(&server, paths::fill(paths::USER, name)).await
    }

    /// What each node says of a user, all asked at once. Nodes that do not answer in time are left
    /// out.
    pub async fn user_by_each(&self, name: &UserName) -> Vec<UserInfo> {
        self.each_says(|node| self.user_at(node, name)).await
    }

    /// Registers this device by way of one node, tried once.
    ///
    /// # Errors
    /// As for [`ClusterApi::register`].
    pub async fn register_at(
        &self,
        node: NodeId,
        register: &Register,
    ) -> Result<Registered, ClusterError> {
        let server = self.known_server(node).await?;
        let proof = Proof::of_command(&Op::from(register));
        self.post_at(&server, proof, paths::USERS.to_owned(), register)
            .await
    }

    /// Revokes a device of this user.
    ///
    /// # Errors
    /// When the cluster refuses it or cannot be reached.
    pub async fn revoke_device(&self, revoke: &RevokeDevice) -> Result<Done, ClusterError> {
        self.command(paths::REVOKE_DEVICE.to_owned(), revoke, revoke)
            .await
    }

    /// The same by way of one node, tried once.
    ///
    /// # Errors
    /// As for [`ClusterApi::revoke_device`].
    pub async fn revoke_device_at(
        &self,
        node: NodeId,
        revoke: &RevokeDevice,
    ) -> Result<Done, ClusterError> {
        let server = self.known_server(node).await?;
        let path = paths::REVOKE_DEVICE.to_owned();
        let proof = Proof::of_command(&Op::from(revoke));
        self.post_at(&server, proof, path, revoke).await
    }

    /// The users online who chose to be listed.
    ///
    /// # Errors
    /// When no node answers.
    pub async fn online(&self) -> Result<Online, ClusterError> {
        self.get(paths::USERS.to_owned()).await
    }

    /// Starts a session of this device.
    ///
    /// # Errors
    /// When the cluster refuses it or cannot be reached.
    pub async fn start_session(
        &self,
        start: &StartSession,
    ) -> Result<SessionStarted, ClusterError> {
        self.command(paths::SESSIONS.to_owned(), start, start).await
    }

    /// Renews the lease of a session.
    ///
    /// # Errors
    /// `SessionEnded` when the session has ended: start another.
    pub async fn keep_alive(&self, epoch: u64) -> Result<Done, ClusterError> {
        self.post(paths::KEEP_ALIVE.to_owned(), &KeepAlive { epoch })
            .await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the cluster refuses it or cannot be reached.
    pub async fn end_session(&self, epoch: u64) -> Result<Done, ClusterError> {
        let body = EndSession { epoch };
        self.command(paths::END_SESSION.to_owned(), &body, &body)
            .await
    }

    /// Reports that a counterparty does not answer in the session of this epoch.
    ///
    /// # Errors
    /// When the cluster refuses it or cannot be reached.
    pub async fn report_offline(
        &self,
        name: &UserName,
        epoch: u64,
    ) -> Result<ReportedOffline, ClusterError> {
        let path = paths::fill(paths::USER_OFFLINE, name);
        let body = ReportOffline { epoch };
        self.command(path, &body, body.op(name.clone())).await
    }
}
