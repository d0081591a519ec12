//! The choice of what carries the links between nodes.

use std::fmt;
use std::sync::Arc;

use cameo_common::ids::NodeId;

use super::dialer::Dialer;
use super::links::Links;
use super::namespace::Namespace;
use super::proxy::Proxies;
use super::switch::Switch;
use crate::faults::Kind;
use crate::target::real::owner::Owner;

/// What is wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum NetworkBy {
    /// Namespaces where they can be had, else proxies; nothing if no fault is of the network
    #[default]
    Auto,
    /// A network namespace a node, joined by a switch
    Namespaces,
    /// A proxy a link, which needs no rights
    Proxy,
    /// The machine's own network, without faults
    None,
}

impl NetworkBy {
    /// Its name, as the command line has it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Namespaces => "namespaces",
            Self::Proxy => "proxy",
            Self::None => "none",
        }
    }
}

/// What is there.
#[derive(Debug, Default)]
pub struct Network {
    pub links: Option<Links>,
    /// Why there is no better one, or none.
    lacks: Option<String>,
}

impl Network {
    /// Makes it. With `needed`, faults of the network are to come.
    ///
    /// # Errors
    /// When there is no thread for a proxy.
    pub fn make(by: NetworkBy, needed: bool, owner: &Owner, seed: u64) -> std::io::Result<Self> {
        let proxies = |lacks| {
            let proxies = Links::Proxies(Arc::new(Proxies::start(seed)?));
            Ok(Self {
                links: Some(proxies),
                lacks,
            })
        };
        match by {
            NetworkBy::Auto if !needed => Ok(Self::default()),
            NetworkBy::None => Ok(Self::without("faults of the network are not wanted")),
            NetworkBy::Proxy => proxies(None),
            NetworkBy::Auto | NetworkBy::Namespaces => match switch(owner, seed) {
                Ok(switch) => Ok(Self {
                    links: Some(Links::Switch(Arc::new(switch))),
                    lacks: None,
                }),
                Err(why) if by == NetworkBy::Auto => proxies(Some(why.to_string())),
                Err(why) => Ok(Self::without(why)),
            },
        }
    }

    fn without(why: impl fmt::Display) -> Self {
        Self {
            links: None,
            lacks: Some(why.to_string()),
        }
    }

    /// What it is, in a word.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self.links {
            Some(Links::Switch(_)) => "namespaces",
            Some(Links::Proxies(_)) => "proxy",
            None => "none",
        }
    }

    /// Why a fault of the network cannot be had; None if it can.
    #[must_use]
    pub fn why_not(&self, kind: Kind) -> Option<String> {
        match &self.links {
            // Clients are cut off without its help.
            _ if kind == Kind::ClientsCut => None,
            Some(links) => links.why_not(kind).map(str::to_owned),
            None => self.lacks.clone(),
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match &self.lacks {
            Some(why) => write!(f, " ({why})"),
            None => Ok(()),
        }
    }
}

/// A switch, if namespaces and interfaces can be had: that is tried once.
fn switch(owner: &Owner, seed: u64) -> anyhow::Result<Switch> {
    let switch = Switch::start(seed)?;
    let namespace = Namespace::create(owner.name("probe"))?;
    switch.attach(NodeId(254), &namespace)?;
    Dialer::inside(&namespace)?;
    drop(switch);
    Ok(Switch::start(seed)?)
}
