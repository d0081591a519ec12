//! A port that a node cannot listen on, with what to do.

use std::io::{Error, ErrorKind};

/// The flag that an address comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenFlag {
    Http,
    Metrics,
    Listen,
    /// This node's own address there.
    Peers,
}

impl ListenFlag {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "--http",
            Self::Metrics => "--metrics",
            Self::Listen => "--listen",
            Self::Peers => "this node's address in --peers",
        }
    }

    /// What may be given instead. A formed cluster keeps the addresses that others use.
    fn instead(self) -> &'static str {
        match self {
            Self::Http => "; a node that has no cluster yet may also be given another --http",
            Self::Metrics => ", or give another --metrics",
            Self::Listen => ", or give another --listen",
            Self::Peers => {
                "; a node that has no cluster yet may also be given another address, in the \
                 --peers of every node"
            }
        }
    }
}

/// See the module.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address} ({flag}): {why}", flag = .flag.name(), why = self.why())]
pub struct ListenError {
    pub flag: ListenFlag,
    pub address: String,
    pub source: Error,
}

impl ListenError {
    fn why(&self) -> String {
        let Self { flag, source, .. } = self;
        match source.kind() {
            ErrorKind::AddrInUse => {
                let port = self.address.rsplit(':').next().unwrap_or_default();
                format!(
                    "another program has this port. `ss -ltnp 'sport = :{port}'` shows which one: \
                     stop it{}",
                    flag.instead()
                )
            }
            ErrorKind::AddrNotAvailable => match flag {
                ListenFlag::Http => "this machine has no such address: listen on one that it has, \
                                     and give the one for clients as --http-url"
                    .to_owned(),
                ListenFlag::Metrics => "this machine has no such address".to_owned(),
                ListenFlag::Listen | ListenFlag::Peers => {
                    "this machine has no such address: give one that it has as --listen".to_owned()
                }
            },
            ErrorKind::PermissionDenied => {
                "this user may not have this port: ports below 1024 need a privilege".to_owned()
            }
            _ => source.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(flag: ListenFlag, kind: ErrorKind) -> String {
        let (address, source) = ("127.0.0.1:7101".to_owned(), kind.into());
        let error = ListenError {
            flag,
            address,
            source,
        };
        error.to_string()
    }

    #[test]
    fn a_port_in_use_is_told_with_its_flag_and_how_to_see_what_has_it() {
        for (flag, says) in [
            (ListenFlag::Http, "(--http): another program"),
            (ListenFlag::Metrics, "or give another --metrics"),
            (ListenFlag::Listen, "or give another --listen"),
            (
                ListenFlag::Peers,
                "(this node's address in --peers): another",
            ),
        ] {
            let told = told(flag, ErrorKind::AddrInUse);
            assert!(told.contains(says), "{told}");
            assert!(told.contains("`ss -ltnp 'sport = :7101'`"), "{told}");
        }
    }

    #[test]
    fn an_address_of_another_machine_and_a_forbidden_port_are_told_apart_from_one_in_use() {
        let foreign = told(ListenFlag::Peers, ErrorKind::AddrNotAvailable);
        assert!(
            foreign.contains("give one that it has as --listen"),
            "{foreign}"
        );
        let forbidden = told(ListenFlag::Http, ErrorKind::PermissionDenied);
        assert!(forbidden.contains("below 1024"), "{forbidden}");
    }
}
