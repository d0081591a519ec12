//! Grants, cut so that a debit rewrites a few bytes and not the statements.

use cameo_common::api::Role;
use cameo_common::ids::{GrantId, Hash, ImageId, Millis, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::{Deal, Manifest, PhotoRequest, Receipt};
use serde::{Deserialize, Serialize};

use super::{Kind, Row, content};

/// One side of a grant, with the key that it had when the grant was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    pub name: UserName,
    pub key: PublicKey,
}

/// What never changes about a grant.
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
    /// On which side a user stands, if on any.
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

/// The owner's newest statement about a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CurrentRights(pub Signed<Rights>);

impl CurrentRights {
    /// What it says.
    pub fn rights(&self) -> Rights {
        content(&self.0)
    }
}

impl Row for CurrentRights {
    const KIND: Kind = Kind::CurrentRights;
    type Key = GrantId;
}

/// Where a grant stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantUsage {
    /// Debits so far; the next view has the next number.
    pub used: u32,
    /// The highest version of rights that the viewer has acknowledged; 0 for none.
    pub acknowledged: u64,
    /// Number of the newest deal.
    pub deal: u64,
}

impl Row for GrantUsage {
    const KIND: Kind = Kind::GrantUsage;
    type Key = GrantId;
}

/// A deal, by grant and number. Older ones are kept for views that were debited under them.
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

/// The one grant of an image by an owner to a viewer that may be live. Whether it is, its rights
/// say: a grant also ends by time alone, without an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LiveGrant(pub GrantId);

impl Row for LiveGrant {
    const KIND: Kind = Kind::LiveGrant;
    type Key = (UserName, UserName, ImageId);
}

/// The grants that a user is a party to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantOf;

impl Row for GrantOf {
    const KIND: Kind = Kind::GrantOf;
    type Key = (UserName, GrantId);
}

/// How many grants a user is a party to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantCount(pub u32);

impl Row for GrantCount {
    const KIND: Kind = Kind::GrantCount;
    type Key = UserName;
}

/// That two users share, or shared, a grant. Written both ways round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Acquainted;

impl Row for Acquainted {
    const KIND: Kind = Kind::Acquainted;
    type Key = (UserName, UserName);
}

/// The one grant that a viewer's request is good for, by the hash of the request's statement. It
/// lives as long as the grant's row: whoever was asked once makes no second grant of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestUsed(pub GrantId);

impl Row for RequestUsed {
    const KIND: Kind = Kind::RequestUsed;
    type Key = Hash;
}
