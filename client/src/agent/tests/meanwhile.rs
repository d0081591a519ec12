//! A home that changes while a node records something for it.

use std::sync::OnceLock;

use axum::routing::post;
use cameo_common::api::{RightsStored, paths};

use super::*;
use crate::vault::Record;

/// What becomes of a home while a node answers it.
#[derive(Clone)]
pub(crate) struct Meanwhile {
    home: Arc<OnceLock<Vault>>,
    act: fn(&Vault),
}

impl Meanwhile {
    pub(crate) fn of(act: fn(&Vault)) -> Self {
        let home = Arc::default();
        Self { home, act }
    }

    /// The home that is meant, which exists only after its nodes.
    pub(crate) fn happens_to(&self, world: &World) {
        assert!(self.home.set(world.vault().clone()).is_ok());
    }

    pub(crate) fn happen(&self) {
        (self.act)(self.home.get().unwrap());
    }

    /// A node that shows version 3 of a grant, and records version 4 while this happens.
    pub(crate) fn recording(&self, grant: GrantId) -> Router {
        let (shown, during) = (told_of(rights(ME, grant, 3), 1), self.clone());
        let stored = move || {
            during.happen();
            std::future::ready(Json(RightsStored {
                version: 4,
                in_mailbox: true,
            }))
        };
        let show = move || std::future::ready(Json(shown.clone()));
        Router::new()
            .route(paths::GRANT, get(show))
            .route(paths::RIGHTS, post(stored))
    }
}

/// Keeps a grant of this stage, with rights of version 3.
pub(crate) fn keep_third_version(world: &World, stage: Stage) -> GrantOwned {
    let mut grant = owned(stage);
    grant.rights = rights(ME, grant.grant, 3);
    (grant.version, grant.recorded_version) = (3, 3);
    world.vault().put(&grant.grant.to_string(), &grant).unwrap();
    grant
}

/// Damages all records of a kind.
pub(crate) fn damage<T: Record>(vault: &Vault) {
    let folder = vault.home().path().join("records").join(T::KIND);
    for file in std::fs::read_dir(folder).unwrap() {
        std::fs::write(file.unwrap().path(), b"damaged").unwrap();
    }
}
