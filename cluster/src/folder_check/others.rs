//! Names in the folder that no other check has read.

use std::fs;
use std::io;
use std::path::Path;

use super::finding::Findings;
use crate::store::check::{HeldFolder, Leftover};

pub(super) fn check(folder: &HeldFolder, data: &Path, findings: &mut Findings) -> io::Result<()> {
    let mut names = names(data, "")?;
    names.extend(self::names(data, "snapshots/")?);
    names.sort();
    let has_state = folder.current_state()?.is_some();
    for name in names {
        if findings.has(&name) {
            continue;
        }
        match folder.leftover(&name) {
            Leftover::Own => {}
            Leftover::Unfinished => findings.notice(
                &name,
                "an unfinished file, which was not read",
                "a crash has left it, and nothing uses it",
            ),
            Leftover::Stale if !has_state => findings.notice(
                &name,
                "a state that no file CURRENT names, which was not read",
                "the next start removes it: keep a copy of the folder until the node takes part \
                 again",
            ),
            Leftover::Stale => findings.notice(
                &name,
                "a state that is not the live one, older or unfinished, which was not read",
                "nothing uses it, and the next start removes it",
            ),
            Leftover::Kept => findings.notice(
                &name,
                "a damaged or older part that a start has kept, which was not read",
                "nothing uses it: keep it for a report, or remove it",
            ),
            Leftover::Foreign => findings.notice(
                &name,
                "no file of a node, which was not read",
                "no node uses it",
            ),
        }
    }
    Ok(())
}

/// The names in a folder within the data folder, from the data folder on.
fn names(data: &Path, folder: &str) -> io::Result<Vec<String>> {
    let listed = match fs::read_dir(data.join(folder)) {
        Ok(listed) => listed,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    listed
        .map(|entry| entry.map(|entry| format!("{folder}{}", entry.file_name().display())))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_state_that_is_not_the_live_one_is_not_said_to_be_older() {
        // given a state that a start could not finish, beside the live one
        let data = tempfile::tempdir().unwrap();
        let of = |name: &str| data.path().join(name);
        fs::write(of("FORMAT"), "cameo-data 5\n").unwrap();
        fs::write(of("CURRENT"), "state-2\n").unwrap();
        for state in ["state-2", "state-3"] {
            fs::create_dir(of(state)).unwrap();
        }
        let folder = HeldFolder::hold(data.path()).unwrap();
        let mut findings = Findings::default();
        // as by the check of the state
        findings.whole("state-2", "the state");
        // when the rest is looked at
        check(&folder, data.path(), &mut findings).unwrap();
        // then it is said what is known of it
        let findings = findings.into_inner();
        let found = findings.iter().find(|finding| finding.part == "state-3");
        let found = &found.unwrap().found;
        assert!(found.contains("older or unfinished"), "{found}");
    }
}
