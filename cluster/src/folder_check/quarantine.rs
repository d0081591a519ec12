//! The files of quarantine: memory of the peers, the marker, the origin of the folder.

use std::path::Path;

use super::finding::Findings;
use super::identity::{Identity, ORIGIN};
use crate::host::blocking::Blocking;
use crate::raft::last_signed;
use crate::raft::quarantine::{
    Origin, OriginError, PeersError, QuarantineDisk, QuarantineFile, QuarantineFolder,
    read_remembered,
};

pub(super) fn check(data: &Path, identity: &Identity, findings: &mut Findings) {
    let disk = QuarantineFolder::within(data, Blocking::Inline);
    peers(&disk, identity, findings);
    marker(&disk, findings);
    succession(&disk, findings);
    // A voter that knows its cluster starts by it; a worker once it is promoted.
    if identity.other_voters().is_some() {
        origin(&disk, findings);
    }
}

fn peers(disk: &dyn QuarantineDisk, identity: &Identity, findings: &mut Findings) {
    let part = QuarantineFile::Peers.name();
    let begins_anew = "the node starts without it, and remembers its peers anew: nothing to do";
    let had_peers = identity.log_begun && identity.other_voters().is_some_and(|others| others > 0);
    match read_remembered(disk) {
        Ok(None) if had_peers => findings.notice(part, "there is none", begins_anew),
        Ok(None) => {}
        Ok(Some(told)) => match told.values().find_map(|told| told.verify().err()) {
            None => findings.whole(part, format!("how far {} other voters were", told.len())),
            Some(error) => findings.damaged(part, error, begins_anew),
        },
        Err(error @ PeersError::UnknownVersion(_)) => findings.newer(part, error),
        Err(error) => findings.damaged(part, error, begins_anew),
    }
}

fn succession(disk: &dyn QuarantineDisk, findings: &mut Findings) {
    let part = QuarantineFile::Succession.name();
    match last_signed(disk) {
        Ok(None) => {}
        Ok(Some(number)) => {
            findings.whole(
                part,
                format!("the node has signed descriptor {number} as the next one"),
            );
        }
        Err(error) => findings.damaged(
            part,
            error,
            "the node starts, and signs no change of the nodes any more: have another one take its \
             place",
        ),
    }
}

fn marker(disk: &dyn QuarantineDisk, findings: &mut Findings) {
    let part = QuarantineFile::Marker.name();
    match disk.read(QuarantineFile::Marker) {
        Ok(None) => {}
        // However damaged, it counts by being there.
        Ok(Some(_)) => findings.notice(
            part,
            "this folder is quarantined: it is an older copy",
            "the node takes no part with it; put its newest folder in the place of this one, or \
             keep the node stopped as one whose disk is lost",
        ),
        Err(error) => findings.damaged(part, error, "check the disk"),
    }
}

fn origin(disk: &dyn QuarantineDisk, findings: &mut Findings) {
    match disk.origin() {
        Ok(Origin::Original) => findings.whole(
            ORIGIN,
            "this is the folder with which the node took part last",
        ),
        Ok(Origin::MayBeCopy(why)) => findings.notice(
            ORIGIN,
            format!("this folder may be a copy: {why}"),
            "a node that starts on a copy waits for all voters that may remember more of it; see \
             docs/OPERATING.md, \"A folder never goes back\"",
        ),
        Err(error @ OriginError::UnknownVersion(_)) => findings.newer(ORIGIN, error),
        Err(error) => findings.damage(ORIGIN, error),
    }
}
