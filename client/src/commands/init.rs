//! `init`: creates the keys of a new user, pins the cluster, and registers the user with it.
//!
//! With an invite, the cluster's addresses and fingerprint are the invite's, and its key signs this
//! identity and name: a node that carries the registration cannot use it for another.
//!
//! The keys are stored before the name is registered, because a name whose key is lost cannot be
//! used again. A second run continues an interrupted one, or renews the certificate.

mod follow;
mod invite;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cameo_common::api::{ClusterInfo, ErrorCode, Register};
use cameo_common::identity::{DeviceCertificate, UserCard};
use cameo_common::ids::{ClusterId, UserName};
use cameo_common::keys::{SealingSecret, SigningKey};
use cameo_common::registration::Invite;
use cameo_common::signed::Signed;
use clap::{ArgGroup, Args};

use crate::clock;
use crate::cluster_api::{
    COMMAND_DEADLINE, ClusterApi, ClusterError, Pinned, all_refuse, parse_addresses,
};
use crate::error_kind::{Classified, ErrorKind};
use crate::flows::devices::CERTIFICATE_LIFE;
use crate::output::{Output, Report};
use crate::vault::records::{Identity, Secret};
use crate::vault::unlock::{self, PassphraseSources};
use crate::vault::{Home, IoError, Vault, VaultError};
pub use invite::InviteError;

/// A certificate with less remaining life is renewed.
const RENEWED_BELOW: Duration = Duration::from_secs(CERTIFICATE_LIFE.as_secs() / 2);

/// Arguments of `init`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which cluster").required(true).args(["cluster", "invite"])))]
pub struct Arguments {
    /// Your user name, which others will see.
    #[arg(value_name = "NAME")]
    name: UserName,
    /// URLs of the cluster's nodes, separated by commas, at least one with the fingerprint that the
    /// nodes print, as in https://127.0.0.1:7101#FINGERPRINT.
    #[arg(long, value_name = "URL#FINGERPRINT,...")]
    cluster: Option<String>,
    /// An invite: its file, or its words in quotes; - reads the words from standard input.
    #[arg(long, value_name = "FILE|WORDS")]
    invite: Option<String>,
    /// Follow a cluster that was restored from a backup of this home's cluster, without a question.
    #[arg(long)]
    yes: bool,
}

/// A user who was not registered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{home} is the home of {name}; {ELSEWHERE}", home = .home.display())]
    OtherPerson { home: PathBuf, name: UserName },
    #[error("{home} is tied to cluster {known}, not {given}; {ELSEWHERE}", home = .home.display())]
    OtherCluster {
        home: PathBuf,
        known: ClusterId,
        given: ClusterId,
    },
    #[error(
        "cluster {given} says that it goes on from {known}, the cluster of this home, by a backup: \
         nothing was changed. If the operator has told you so, by another way, follow it with --yes"
    )]
    NotFollowed { known: ClusterId, given: ClusterId },
    #[error(
        "too few nodes of cluster {0} serve its users: they have to run, its operator has to \
         approve the restore, and all of the state has to be taken over. Nothing was changed; try \
         again later"
    )]
    NotServing(ClusterId),
    #[error("cannot ask: {0}; nothing was changed")]
    Question(IoError),
    /// Before anything is pinned: the fingerprint was typed, or is an invite's.
    #[error(
        "the node at {url} belongs to cluster {found}, and the fingerprint that was given is \
         {given}: nothing was created; check the address, and the fingerprint that the nodes print \
         when they start"
    )]
    WrongFingerprint {
        url: String,
        found: ClusterId,
        given: ClusterId,
    },
    #[error(
        "a node of the cluster says that the name {0} is registered with another key; nothing was \
         changed, and the keys are kept: choose another name, or try again later if it is yours"
    )]
    NameTaken(UserName),
    #[error(
        "no program listens at {tried}: nothing was created; check address and port, and that the \
         node runs"
    )]
    NoNode { tried: String },
    #[error(transparent)]
    Invite(#[from] InviteError),
    #[error("the identity could not be stored")]
    NotKept,
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    #[error(transparent)]
    Vault(#[from] VaultError),
}

/// The remedy when a home is in use.
const ELSEWHERE: &str = "choose another folder with CAMEO_HOME or --home";

impl Classified for Error {
    fn kind(&self) -> ErrorKind {
        match self {
            Error::OtherPerson { .. } => ErrorKind::Usage,
            Error::OtherCluster { .. }
            | Error::NotFollowed { .. }
            | Error::WrongFingerprint { .. } => ErrorKind::Untrusted,
            Error::NameTaken(_) => ErrorKind::Forbidden,
            Error::NoNode { .. } | Error::NotServing(_) => ErrorKind::ClusterAway,
            Error::Invite(_) => ErrorKind::Usage,
            Error::NotKept | Error::Question(_) => ErrorKind::Other,
            Error::Cluster(error) => error.kind(),
            Error::Vault(error) => error.kind(),
        }
    }
}

pub async fn run(
    home: Option<PathBuf>,
    out: Output,
    arguments: Arguments,
) -> Result<Report, Error> {
    let invite = match &arguments.invite {
        Some(given) => Some(invite::read(given)?),
        None => None,
    };
    let addresses = match &invite {
        Some(invite) => invite::addresses(invite),
        None => arguments.cluster.unwrap_or_default(),
    };
    let (cluster, nodes) = parse_addresses(&addresses)?;
    out.note(format_args!("Connecting to {} ...", nodes.join(", ")));
    // Before anything is stored.
    let told = known_cluster(out, cluster, &nodes).await?;
    let home = Home::create(home)?;
    let vault = open_or_create(&home)?;
    let known = vault.get::<Identity>(Identity::ID)?;
    let is_other = known.as_ref().is_some_and(|known| known.cluster != cluster);
    let known = match known {
        Some(known) => {
            let known = of_this_person(known, arguments.name.clone(), &home)?;
            let to = (cluster, nodes.as_slice(), arguments.yes);
            Some(match is_other {
                true => follow::follow(&vault, &home, known, &told, to).await?,
                false => known,
            })
        }
        None => None,
    };
    let me = match known {
        Some(known) => renew(known, nodes),
        None => new_identity(arguments.name, cluster, nodes),
    };
    let pinned = Pinned {
        cluster,
        nodes: me.nodes.clone(),
    };
    let (device, memory) = (Arc::new(me.device_key()), Arc::new(vault.clone()));
    let api = ClusterApi::of_home(pinned, device, COMMAND_DEADLINE, memory)?;
    api.tell_when_slow(move |line| out.note(line));
    api.info().await?;
    api.find_all_nodes().await;
    let me = keep(&vault, me, api.proved_urls())?;
    let created = register(&vault, &api, &me, invite.as_ref()).await?;
    let key = me.identity_key().public();
    let text = format!(
        "{} is {} with cluster {}.\nNext: `cameo agent` in a terminal of its own, then `cameo add \
         PHOTO`.",
        me.name,
        if created { "registered" } else { "known" },
        crate::text::prefix::short(&cluster)
    );
    if created {
        out.note(format_args!(
            "The keys are in {}. Make a backup: there is no other copy.",
            home.path().display()
        ));
    }
    let text = match is_other {
        true => format!("{text}\n{}", follow::AGAIN),
        false => text,
    };
    Ok(Report::new(text)
        .with("name", &me.name)
        .with("key", key)
        .with("device", me.device_key().public())
        .with("cluster", cluster)
        .with("created", created)
        .with_file("home", home.path()))
}

/// Verifies that the nodes belong to the given cluster, with a throw-away key: this needs no user.
async fn known_cluster(
    out: Output,
    cluster: ClusterId,
    nodes: &[String],
) -> Result<ClusterInfo, Error> {
    if all_refuse(nodes).await {
        return Err(Error::NoNode {
            tried: nodes.join(", "),
        });
    }
    let pinned = Pinned {
        cluster,
        nodes: nodes.to_vec(),
    };
    let unused = Arc::new(SigningKey::from_seed(clock::random()));
    let api = ClusterApi::new(pinned, unused)?;
    api.tell_when_slow(move |line| out.note(line));
    match api.info().await {
        Ok(told) => Ok(told),
        Err(ClusterError::WrongCluster { url, found, pinned }) => Err(Error::WrongFingerprint {
            url,
            found,
            given: pinned,
        }),
        Err(error) => Err(error.into()),
    }
}

fn open_or_create(home: &Home) -> Result<Vault, VaultError> {
    let around = PassphraseSources::of_this_process();
    if Vault::exists(home) {
        unlock::open(home, &around)
    } else {
        unlock::create(home, &around)
    }
}

/// An existing identity, which must be of this user. Keys that were never
/// registered take another name: theirs may have been taken.
fn of_this_person(known: Identity, name: UserName, home: &Home) -> Result<Identity, Error> {
    let home = home.path().to_owned();
    if known.name == name {
        return Ok(known);
    }
    let other = Error::OtherPerson {
        home,
        name: known.name.clone(),
    };
    if known.registered {
        return Err(other);
    }
    renamed(known, name).ok_or(other)
}

/// None without a key to seal to: then there is no card of any name.
fn renamed(known: Identity, name: UserName) -> Option<Identity> {
    let key = known.identity_key();
    let card = UserCard {
        name: name.clone(),
        key: key.public(),
        sealing: known.sealing_secrets().next()?.public(),
        sequence: 1,
    };
    Some(Identity {
        name,
        card: Signed::new(&key, card),
        ..known
    })
}

fn new_identity(name: UserName, cluster: ClusterId, nodes: Vec<String>) -> Identity {
    let (identity, device, sealing) = (clock::random(), clock::random(), clock::random());
    let key = SigningKey::from_seed(identity);
    let card = UserCard {
        name: name.clone(),
        key: key.public(),
        sealing: SealingSecret::from_bytes(sealing).public(),
        sequence: 1,
    };
    let certificate = DeviceCertificate {
        user: key.public(),
        device: SigningKey::from_seed(device).public(),
        sequence: 1,
        not_after: clock::now().plus(CERTIFICATE_LIFE),
    };
    Identity {
        name,
        card: Signed::new(&key, card),
        certificate: Signed::new(&key, certificate),
        identity: Secret::new(identity),
        device: Secret::new(device),
        sealing: vec![Secret::new(sealing)],
        cluster,
        nodes,
        endpoint_sequence: 0,
        created: clock::now(),
        registered: false,
    }
}

/// The known identity, with the given nodes added and its certificate renewed if due.
fn renew(mut known: Identity, nodes: Vec<String>) -> Identity {
    for url in nodes {
        if !known.nodes.contains(&url) {
            known.nodes.push(url);
        }
    }
    if let Ok(old) = known.certificate.unverified()
        && old.not_after < clock::now().plus(RENEWED_BELOW)
    {
        let key = known.identity_key();
        known.certificate = Signed::new(
            &key,
            DeviceCertificate {
                sequence: old.sequence + 1,
                not_after: clock::now().plus(CERTIFICATE_LIFE),
                ..old
            },
        );
    }
    known
}

fn keep(vault: &Vault, mut me: Identity, urls: Vec<String>) -> Result<Identity, Error> {
    for url in urls {
        if !me.nodes.contains(&url) {
            me.nodes.push(url);
        }
    }
    let kept = vault.update::<Identity, VaultError>(Identity::ID, |found| {
        // An agent may have used the next sequences meanwhile.
        me.endpoint_sequence = found.map_or(0, |found| found.endpoint_sequence);
        Ok(Some(me))
    })?;
    kept.ok_or(Error::NotKept)
}

/// Registers the user. True if user or device are new to the cluster.
async fn register(
    vault: &Vault,
    api: &ClusterApi,
    me: &Identity,
    invite: Option<&Invite>,
) -> Result<bool, Error> {
    let register = Register {
        card: me.card.clone(),
        certificate: me.certificate.clone(),
        invite: invite.map(|invite| invite::use_for(invite, me)),
    };
    let registered = match api.register(&register).await {
        Ok(registered) => registered,
        // One node's word deletes nothing: it may lie, or speak of a name that is this key's.
        Err(error) if error.code() == Some(ErrorCode::NameTaken) => {
            return Err(Error::NameTaken(me.name.clone()));
        }
        Err(error) => return Err(error.into()),
    };
    vault.update::<Identity, VaultError>(Identity::ID, |found| {
        Ok(found.map(|found| Identity {
            registered: true,
            ..found
        }))
    })?;
    Ok(registered.created)
}

#[cfg(test)]
mod tests;
