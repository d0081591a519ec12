//! Directory and presence.

use cameo_common::api::{
    Done, EndSession, KeepAlive, Online, Register, Registered, ReportOffline, ReportedOffline,
    SessionStarted, StartSession, UserInfo, paths,
};
use cameo_common::ids::UserName;

use super::{ClusterApi, ClusterError};

impl ClusterApi {
    /// Registers a user and this device; harmless when both are known.
    ///
    /// # Errors
    /// `NameTaken` when the name belongs to another key.
    pub async fn register(&self, register: &Register) -> Result<Registered, ClusterError> {
        self.post(paths::USERS.to_owned(), register).await
    }

    /// What the directory has on a user.
    ///
    /// # Errors
    /// `NotRegistered` when nobody registered that name.
    pub async fn user(&self, name: &UserName) -> Result<UserInfo, ClusterError> {
        self.get(paths::fill(paths::USER, name)).await
    }

    /// Users online who chose to be listed.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub async fn online(&self) -> Result<Online, ClusterError> {
        self.get(paths::USERS.to_owned()).await
    }

    /// This device is there.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub async fn start_session(
        &self,
        start: &StartSession,
    ) -> Result<SessionStarted, ClusterError> {
        self.post(paths::SESSIONS.to_owned(), start).await
    }

    /// A sign of life.
    ///
    /// # Errors
    /// `SessionEnded` when the session is over: start another.
    pub async fn keep_alive(&self, epoch: u64) -> Result<Done, ClusterError> {
        self.post(paths::KEEP_ALIVE.to_owned(), &KeepAlive { epoch })
            .await
    }

    /// Goodbye.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub async fn end_session(&self, epoch: u64) -> Result<Done, ClusterError> {
        self.post(paths::END_SESSION.to_owned(), &EndSession { epoch })
            .await
    }

    /// A counterparty did not answer in this session.
    ///
    /// # Errors
    /// See [`ClusterError`].
    pub async fn report_offline(
        &self,
        name: &UserName,
        epoch: u64,
    ) -> Result<ReportedOffline, ClusterError> {
        let path = paths::fill(paths::USER_OFFLINE, name);
        self.post(path, &ReportOffline { epoch }).await
    }
}
