//! Rows of grants. Statements and counters are separate rows, so that a debit rewrites a few bytes
//! only.

use cameo_common::api::Role;
use cameo_common::ids::{GrantId, Hash, ImageId, Millis, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, Manifest, PhotoRequest, Receipt};
use serde::{Deserialize, Serialize};

use super::{Kind, Row, content};

/// One party of a grant, with its identity key at the time of creation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    pub name: UserName,
    pub key: PublicKey,
}

/// The part of a grant that never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub owner: Party,
    pub viewer: Party,
    pub image: ImageId,
    pub created: Millis,
    pub request: Signed<PhotoRequest>,
    pub manifest: Signed<Manifest>,
}

impl Grant {
    /// The role of a user, if they are a party.
    pub fn role_of(&self, user: &UserName) -> Option<Role> {
        if *user == self.owner.name {
            Some(Role::Owner)
        } else if *user == self.viewer.name {
            Some(Role::Viewer)
        } else {
            None
        }
    }
}

impl Row for Grant {
    const KIND: Kind = Kind::Grant;
    type Key = GrantId;
}

/// The owner's newest rights for a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentRights(pub Signed<Rights>);

impl CurrentRights {
    /// The content of the statement.
    pub fn rights(&self) -> Rights {
        content(&self.0)
    }
}

impl Row for CurrentRights {
    const KIND: Kind = Kind::CurrentRights;
    type Key = GrantId;
}

/// Counters of a grant: debits, acknowledgement and deals.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantUsage {
    /// Debits so far; the next view has the next number.
    pub used: u32,
    /// The highest version of rights that the viewer has acknowledged; 0 for none.
    pub acknowledged: u64,
    /// Number of the newest deal.
    pub deal: u64,
    /// Number of the descriptor that it is dealt to.
    pub dealt_to: u64,
}

impl Row for GrantUsage {
    const KIND: Kind = Kind::GrantUsage;
    const VERSION: u8 = 2;
    type Key = GrantId;
}

/// A deal, by grant and number. Parts are released of the newest; older ones say which nodes have
/// ever held a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealRow(pub Signed<Deal>);

impl Row for DealRow {
    const KIND: Kind = Kind::Deal;
    type Key = (GrantId, u64);
}

/// The viewer's newest receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRow(pub Signed<Receipt>);

impl Row for ReceiptRow {
    const KIND: Kind = Kind::Receipt;
    type Key = GrantId;
}

/// The only grant of an owner, a viewer and an image that can be live. Its rights tell whether it
/// is: a grant also expires without an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveGrant(pub GrantId);

impl Row for LiveGrant {
    const KIND: Kind = Kind::LiveGrant;
    type Key = (UserName, UserName, ImageId);
}

/// Index of the grants that a user is a party to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantOf;

impl Row for GrantOf {
    const KIND: Kind = Kind::GrantOf;
    type Key = (UserName, GrantId);
}

/// Number of grants that a user is a party to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantCount(pub u32);

impl Row for GrantCount {
    const KIND: Kind = Kind::GrantCount;
    type Key = UserName;
}

/// Two users who have or had a grant with each other. Written in both orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counterparty;

impl Row for Counterparty {
    const KIND: Kind = Kind::Counterparty;
    type Key = (UserName, UserName);
}

/// The grant that was made for a viewer's request, by the hash of the request's statement. It is
/// kept as long as the grant, so that a request allows no second grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestUsed(pub GrantId);

impl Row for RequestUsed {
    const KIND: Kind = Kind::RequestUsed;
    type Key = Hash;
}

/// A grant that has a deal to a descriptor as its newest, by the descriptor's number and by the
/// time at which the grant expires, `u64::MAX` for never. One that is revoked has no row; one that
/// has expired loses it a little later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealtTo;

impl Row for DealtTo {
    const KIND: Kind = Kind::DealtTo;
    type Key = (u64, Millis, GrantId);
}

/// Number of the rows of [`DealtTo`] of a descriptor, by its number. Without any there is no row.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DealtCount(pub u64);

impl Row for DealtCount {
    const KIND: Kind = Kind::DealtCount;
    type Key = u64;
}

/// No grant of [`DealtTo`] expires before this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextExpiry(pub Millis);

impl Row for NextExpiry {
    const KIND: Kind = Kind::NextExpiry;
    type Key = ();
}

/// When a grant is looked at next, to see whether it is to be compacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum GrantDue {
    /// It had not ended when it was looked at last.
    Live,
    /// It had: with rights of this version, and so many views used.
    Ended((u64, u32)),
    /// It is gone, and so are its views before the one of this number. Some of the rest are left.
    Cleared { from: u32 },
}

impl Row for GrantDue {
    const KIND: Kind = Kind::GrantDue;
    const VERSION: u8 = 2;
    type Key = (Millis, GrantId);
}

/// No grant is looked at before this time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextDue(pub Millis);

impl Row for NextDue {
    const KIND: Kind = Kind::NextDue;
    type Key = ();
}
