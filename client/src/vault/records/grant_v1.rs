//! Version 1 of the record of a grant from another user: the kind of the photo was not told.

use cameo_common::ids::{GrantId, Hash, ImageId, Millis, RequestId, UserName};
use cameo_common::keys::PublicKey;
use cameo_common::rights::Rights;
use cameo_common::signed::Signed;
use cameo_common::statements::Manifest;
use serde::{Deserialize, Serialize};

use super::{GrantHeld, Secret};
use crate::vault::Record;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantHeldV1 {
    pub grant: GrantId,
    pub image: ImageId,
    pub owner: UserName,
    pub owner_key: PublicKey,
    pub request_id: RequestId,
    pub title: String,
    pub manifest: Signed<Manifest>,
    pub codec_key: Secret,
    pub carrier: Hash,
    pub rights: Signed<Rights>,
    pub version: u64,
    pub confirmed: u64,
    pub acknowledged: u64,
    pub used: u32,
    pub received: Millis,
}

impl Record for GrantHeldV1 {
    const KIND: &'static str = GrantHeld::KIND;
    const VERSION: u16 = 1;
}

impl From<GrantHeldV1> for GrantHeld {
    fn from(old: GrantHeldV1) -> Self {
        GrantHeld {
            grant: old.grant,
            image: old.image,
            owner: old.owner,
            owner_key: old.owner_key,
            request_id: old.request_id,
            title: old.title,
            manifest: old.manifest,
            codec_key: old.codec_key,
            carrier: old.carrier,
            rights: old.rights,
            version: old.version,
            confirmed: old.confirmed,
            acknowledged: old.acknowledged,
            used: old.used,
            received: old.received,
            media_type: None,
        }
    }
}
