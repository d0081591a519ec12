//! One grant between two people, and the operations on it; views are in `view`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cameo_common::api::{
    AckRights, CreateGrant, Created, Done, GrantInfo, LogInfo, PutReceipt, PutRights, RightsStored,
    ViewTaken, paths,
};
use cameo_common::ids::{GrantId, Hash, NodeId, RequestId};
use cameo_common::keys::PublicKey;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Receipt, RightsAck};

use super::ask::Ask;
use super::client::{Client, Outcome, persist};
use super::person::{Device, Person};
use crate::history::{self, Answer, Key, Op, Operation, Terms};
use crate::statements::{Permission, new_grant};

/// A grant that its owner has made up.
#[derive(Debug)]
pub struct Grant {
    pub id: GrantId,
    pub key: Key,
    pub owner: Arc<Person>,
    pub viewer: Arc<Person>,
    /// The highest version that the owner has signed.
    version: AtomicU64,
    body: CreateGrant,
}

impl Grant {
    /// Statements for a new image of the owner. None when the cluster's descriptor cannot be dealt
    /// to.
    pub fn new(
        client: &mut Client,
        owner: &Arc<Person>,
        viewer: &Arc<Person>,
        first: Permission,
    ) -> Option<Self> {
        let run = client.run.clone();
        let (id, body) = new_grant(
            &mut client.rng,
            run.port.now_unix(),
            (run.cluster, &run.descriptor),
            (owner.party(), viewer.party()),
            first,
        )
        .ok()?;
        Some(Self {
            id,
            key: Key::grant(&id),
            owner: owner.clone(),
            viewer: viewer.clone(),
            version: AtomicU64::new(1),
            body,
        })
    }

    /// Records the grant with the cluster, by the owner. True once it is acknowledged.
    pub async fn create(&self, client: &mut Client) -> bool {
        let request = client.request();
        let ask = Ask::command(paths::GRANTS.to_owned(), &self.body, &self.body, request);
        let device = &self.owner.devices[0].key;
        let created = persist!(client, |node| {
            let arg = history::CreateArg {
                request,
                owner: self.owner.identity.public(),
                viewer: self.viewer.identity.public(),
                rights: terms(&self.body.rights),
            };
            let op = |out| Op::Create(Operation { arg, out });
            client.attempt(device, node, &ask, &self.key, |_: Created| (), op)
        });
        created.ok().is_some()
    }

    /// The owner's next version.
    pub fn next_rights(&self, permission: Permission) -> Signed<Rights> {
        let version = self.version.fetch_add(1, Ordering::Relaxed) + 1;
        self.owner.party().rights(self.id, version, permission)
    }

    /// A statement of a given version, which may be an old one.
    pub fn rights(&self, version: u64, permission: Permission) -> Signed<Rights> {
        self.owner.party().rights(self.id, version, permission)
    }

    /// The highest version so far.
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// One attempt to store rights, by a device of owner or viewer.
    pub async fn put_rights(
        &self,
        client: &mut Client,
        device: &Device,
        node: NodeId,
        rights: &Signed<Rights>,
        request: RequestId,
    ) -> Outcome<history::RightsStored> {
        let body = PutRights {
            rights: rights.clone(),
        };
        let ask = Ask::command(paths::fill(paths::RIGHTS, &self.id), &body, &body, request);
        let rights = terms(rights);
        let arg = history::PutRightsArg { request, rights };
        let op = |out| Op::PutRights(Operation { arg, out });
        let attempt = client.attempt(&device.key, node, &ask, &self.key, stored, op);
        attempt.await
    }

    /// One attempt to acknowledge a version.
    pub async fn acknowledge(
        &self,
        client: &mut Client,
        device: &Device,
        node: NodeId,
        version: u64,
        request: RequestId,
    ) -> Outcome<history::RightsStored> {
        let ack = RightsAck {
            viewer: self.viewer.identity.public(),
            grant: self.id,
            version,
        };
        let body = AckRights {
            ack: Signed::new(&self.viewer.identity, ack),
        };
        let ask = Ask::command(paths::fill(paths::ACK, &self.id), &body, &body, request);
        let arg = history::AckArg { request, version };
        let op = |out| Op::Acknowledge(Operation { arg, out });
        let attempt = client.attempt(&device.key, node, &ask, &self.key, stored, op);
        attempt.await
    }

    /// The viewer's statement that the carrier has arrived, which stands for an acknowledgement of
    /// the first version. Recorded without an outcome: the answer has none of its figures.
    pub async fn receive(&self, client: &mut Client, device: &Device, node: NodeId) {
        let receipt = Receipt {
            viewer: self.viewer.identity.public(),
            grant: self.id,
            carrier: Hash(client.bytes()),
            received_at: client.run.port.now_unix(),
        };
        let body = PutReceipt {
            receipt: Signed::new(&self.viewer.identity, receipt),
        };
        let request = client.request();
        let ask = Ask::command(paths::fill(paths::RECEIPT, &self.id), &body, &body, request);
        let arg = history::AckArg {
            request,
            version: 1,
        };
        let op = |_answer: Option<Answer<()>>| Op::Acknowledge(Operation { arg, out: None });
        let received = client.attempt(&device.key, node, &ask, &self.key, |_: Done| (), op);
        let _outcome = received.await;
    }

    /// A linearizable read of rights and usage, by a device of owner or viewer.
    pub async fn usage(
        &self,
        client: &mut Client,
        device: &Device,
        node: NodeId,
    ) -> Outcome<history::Usage> {
        let request = client.request();
        let ask = Ask::get(paths::fill(paths::GRANT, &self.id), request);
        let arg = history::ReadArg { node };
        let op = |out| Op::Usage(Operation { arg, out });
        let result = |info: GrantInfo| history::Usage {
            version: info.version,
            statement: info.rights.hash(),
            permitted: info.permitted,
            used: info.used,
            left: info.left,
            revoked: info.revoked,
            acknowledged: info.acknowledged,
            in_mailbox: info.in_mailbox,
        };
        let attempt = client.attempt(&device.key, node, &ask, &self.key, result, op);
        attempt.await
    }

    /// The views taken, as the owner reads them.
    pub async fn log(&self, client: &mut Client, node: NodeId) -> Outcome<history::LogRead> {
        let request = client.request();
        let ask = Ask::get(paths::fill(paths::GRANT_LOG, &self.id), request);
        let arg = history::ReadArg { node };
        let op = |out| Op::Log(Operation { arg, out });
        let viewer = self.viewer.identity.public();
        let result = |log: LogInfo| {
            let views = log
                .views
                .iter()
                .filter_map(|view| taken(&log, view, &viewer));
            history::LogRead {
                views: views.collect(),
            }
        };
        let device = &self.owner.devices[0].key;
        let attempt = client.attempt(device, node, &ask, &self.key, result, op);
        attempt.await
    }
}

/// A row of the log, and whether it is proved: by a request that a device of the viewer's signed
/// for this grant. One that cannot be read at all has no place in a history.
fn taken(log: &LogInfo, view: &ViewTaken, viewer: &PublicKey) -> Option<history::ViewTaken> {
    let request = view.request.unverified().ok()?;
    let mut certificates = log.certificates.iter();
    let certificate = certificates.find(|known| known.hash() == view.certificate);
    let certified = certificate.and_then(|certificate| certificate.verify().ok());
    let of_viewer =
        certified.is_some_and(|found| found.user == *viewer && found.device == request.device);
    let proved = of_viewer && request.grant == log.grant && view.request.verify().is_ok();
    Some(history::ViewTaken {
        number: view.number,
        at: view.at,
        device: request.device,
        request: request.request,
        statement: view.request.hash(),
        proved,
    })
}

/// The terms that a statement of ours states.
pub fn terms(rights: &Signed<Rights>) -> Terms {
    let statement = rights.hash();
    match rights.unverified() {
        Ok(rights) => Terms {
            version: rights.version,
            permitted: rights.permitted,
            revoked: rights.revoked,
            expires: rights.expires,
            statement,
        },
        // Not one of ours: no such version was ever put.
        Err(_) => Terms {
            version: 0,
            permitted: 0,
            revoked: false,
            expires: None,
            statement,
        },
    }
}

fn stored(answer: RightsStored) -> history::RightsStored {
    history::RightsStored {
        version: answer.version,
        in_mailbox: answer.in_mailbox,
    }
}
