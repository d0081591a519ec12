//! Rights: the owner's statement about a grant, and the one rule for whether a view is permitted.
//!
//! Node and client use `Rights::check` alone, so they cannot disagree.

use serde::{Deserialize, Serialize};

use crate::ids::{GrantId, Millis};
use crate::keys::PublicKey;
use crate::signed::Statement;

/// Most views that one grant may permit in total.
pub const MAX_PERMITTED: u32 = 10_000;

/// How far one statement's version may be above the one before. A node that says more makes nobody
/// sign a version after which there is none.
pub const MAX_VERSION_STEP: u64 = 65_536;

/// An owner's statement about one grant. A higher version replaces a lower one, never the reverse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rights {
    /// The owner's identity key, which signs.
    pub owner: PublicKey,
    pub grant: GrantId,
    /// 1 for the first statement about a grant.
    pub version: u64,
    /// Views permitted in total, including those that are used.
    pub permitted: u32,
    /// From this time on no view is permitted.
    pub expires: Option<Millis>,
    pub revoked: bool,
    /// Whether the viewer may save the photo to a file.
    pub may_save: bool,
    /// Views that may be charged in advance and opened offline.
    pub offline: u32,
}

impl Statement for Rights {
    const LABEL: &'static str = "rights";
    const VERSION: u16 = 1;
    fn signer(&self) -> PublicKey {
        self.owner
    }
}

/// The reason why a view is not permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    #[error("the owner has revoked the rights to this photo")]
    Revoked,
    #[error("the rights to this photo have expired")]
    Expired,
    #[error("all permitted views are used")]
    UsedUp,
}

impl Rights {
    /// Whether view number `view` (1 for the first) may be released at `now`.
    ///
    /// # Errors
    /// The reason why not.
    pub fn check(&self, view: u32, now: Millis) -> Result<(), Denied> {
        if self.revoked {
            Err(Denied::Revoked)
        } else if self.expires.is_some_and(|expires| now >= expires) {
            Err(Denied::Expired)
        } else if view > self.permitted {
            Err(Denied::UsedUp)
        } else {
            Ok(())
        }
    }

    /// Views left after `debits`: none once revoked, never below zero.
    #[must_use]
    pub fn left(&self, debits: u32) -> u32 {
        if self.revoked {
            0
        } else {
            self.permitted.saturating_sub(debits)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::keys::SigningKey;
    use crate::signed::Signed;
    use proptest::prelude::*;

    fn rights(permitted: u32) -> Rights {
        let owner = SigningKey::from_seed([1; 32]).public();
        let grant = GrantId([2; 32]);
        Rights {
            owner,
            grant,
            version: 1,
            permitted,
            expires: None,
            revoked: false,
            may_save: false,
            offline: 0,
        }
    }

    #[test]
    fn revoked_wins_over_everything() {
        let rights = Rights {
            revoked: true,
            expires: Some(Millis(0)),
            ..rights(9)
        };
        assert_eq!(rights.check(1, Millis(5)), Err(Denied::Revoked));
        assert_eq!(rights.left(0), 0);
    }

    #[test]
    fn expiry_begins_at_its_moment() {
        let rights = Rights {
            expires: Some(Millis(10)),
            ..rights(9)
        };
        assert_eq!(rights.check(1, Millis(9)), Ok(()));
        assert_eq!(rights.check(1, Millis(10)), Err(Denied::Expired));
    }

    #[test]
    fn its_bytes_are_pinned() {
        let key = SigningKey::from_seed([1; 32]);
        let signed = Signed::new(
            &key,
            Rights {
                expires: Some(Millis(300)),
                ..rights(3)
            },
        );
        let text = data_encoding::HEXLOWER.encode(&signed.as_bytes()[64..]);
        let owner = key.public();
        let grant = GrantId([2; 32]);
        assert_eq!(
            text,
            format!("0672696768747301{owner}{grant}010301ac02000000")
        );
    }

    #[test]
    fn attack_rights_cut_or_flipped_anywhere_are_refused() {
        let key = SigningKey::from_seed([1; 32]);
        let good = Signed::new(&key, rights(3)).as_bytes().to_vec();
        let verifies = |bytes: &[u8]| {
            Signed::<Rights>::from_bytes(bytes.to_vec())
                .verify()
                .is_ok()
        };
        assert!(verifies(&good));
        for at in 0..good.len() {
            assert!(!verifies(&good[..at]), "cut at {at}");
            for bit in 0..8 {
                let mut flipped = good.clone();
                flipped[at] ^= 1 << bit;
                assert!(!verifies(&flipped), "bit {bit} of byte {at}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_view_is_permitted_exactly_while_one_is_left(
            permitted in 0..50u32,
            debits in 0..60u32,
        ) {
            let rights = rights(permitted);
            let checked = rights.check(debits + 1, Millis::EPOCH);
            prop_assert_eq!(checked.is_ok(), rights.left(debits) > 0);
        }
    }
}
