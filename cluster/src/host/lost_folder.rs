//! The advice for a node whose folder cannot be used any more.

/// What to do, as sentences for the end of a message. It holds for voters and workers, because a
/// folder that is damaged does not tell which node's it is.
pub const LOST_FOLDER: &str = "Put no older copy of the folder in its place: a voter that comes \
     back below what it has told the others is quarantined. A voter is started with its newest \
     folder, or kept stopped as one whose disk is lost, and a worker takes its place \
     (`cameod member replace`). A worker is removed (`cameod remove`), and joins again with an \
     empty folder and a new id";

#[cfg(test)]
mod tests {
    use crate::floor;
    use crate::link::{NodeKeyError, Refusal};
    use crate::raft::{RecordError, StartError};
    use crate::store::{OpenError, WalError};

    /// A voter cannot be removed, and an older copy of its folder is quarantined.
    #[test]
    fn no_message_advises_to_remove_a_voter_or_to_put_an_old_folder_back() {
        let io = || std::io::Error::other("the disk is gone");
        let messages = [
            floor::OpenError::Missing.to_string(),
            floor::OpenError::DamagedHeader.to_string(),
            floor::OpenError::DamagedInside { offset: 1 }.to_string(),
            floor::OpenError::Gap {
                before: 1,
                found: 3,
            }
            .to_string(),
            StartError::LogLost.to_string(),
            StartError::RecordLost.to_string(),
            RecordError::Damaged("genesis".into()).to_string(),
            NodeKeyError::Damaged("node.key".into()).to_string(),
            Refusal::Key.to_string(),
            WalError::DamagedInside {
                file: "1".into(),
                offset: 1,
            }
            .to_string(),
            WalError::Gap { missing: 1 }.to_string(),
            WalError::Unreadable(io()).to_string(),
            OpenError::EndsBeforeApplied {
                last: None,
                applied: 1,
            }
            .to_string(),
            OpenError::Diverged { index: 1 }.to_string(),
            OpenError::NoStartingPoint { purged: 1 }.to_string(),
        ];
        for message in messages {
            let text = message.to_lowercase();
            assert!(!text.contains("remove the node"), "{message}");
            assert!(!text.contains("remove this node"), "{message}");
            assert!(!text.contains("restore the"), "{message}");
            assert!(text.contains("voter"), "{message}");
            assert!(text.contains("newest folder"), "{message}");
        }
    }
}
