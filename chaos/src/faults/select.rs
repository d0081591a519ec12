//! The kinds that `--faults` names.

use super::kind::{Kind, Lane};

/// A name of no kind and no group of kinds.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "there is no fault {0:?}; there are all, none, network, partition, clock, disk, lies, and \
     {known}",
    known = known()
)]
pub struct UnknownKind(pub String);

fn known() -> String {
    let names: Vec<_> = named().map(Kind::name).collect();
    names.join(", ")
}

fn named() -> impl Iterator<Item = Kind> {
    let asked_for = Kind::LIES.into_iter().chain([Kind::OldFolder]);
    Kind::ALL.into_iter().chain(asked_for)
}

/// Kinds by names, or by the names of groups: `all`, `none`, `network`, `partition`, `clock`,
/// `disk`, `lies`; lies and `old-folder` are not in `all`. Each kind is there once, in the order of
/// [`Kind::ALL`].
///
/// # Errors
/// On an unknown name.
pub fn select(names: &str) -> Result<Vec<Kind>, UnknownKind> {
    let mut wanted = Vec::new();
    for name in names.split(',').map(str::trim) {
        let before = wanted.len();
        wanted.extend(named().filter(|kind| is_named(*kind, name)));
        if wanted.len() == before && name != "none" {
            return Err(UnknownKind(name.to_owned()));
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    Ok(wanted)
}

fn is_named(kind: Kind, name: &str) -> bool {
    match name {
        "all" => !kind.has_to_be_asked_for(),
        "lies" => kind.lane() == Lane::Lies,
        "network" => kind.lane() == Lane::Network,
        "partition" => kind.is_partition() || kind == Kind::ClientsCut,
        "clock" => kind.lane() == Lane::Clock,
        "disk" => kind.is_of_disk(),
        _ => kind.name() == name,
    }
}
