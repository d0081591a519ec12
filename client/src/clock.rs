//! The wall clock, and random ids and bytes.

use std::time::SystemTime;

use cameo_common::ids::{Hash, ImageId, JobId, Millis, RequestId};
use rand::rngs::{StdRng, SysRng};
use rand::{Rng, SeedableRng};

/// The time, by this machine's clock.
#[must_use]
pub fn now() -> Millis {
    SystemTime::now().into()
}

/// A generator seeded by the operating system.
///
/// # Panics
/// When the operating system returns no random bytes, without which nothing can be sealed.
#[must_use]
#[allow(clippy::expect_used)]
pub fn rng() -> StdRng {
    StdRng::try_from_rng(&mut SysRng).expect("the operating system returns random bytes")
}

/// Fresh random bytes.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rng().fill_bytes(&mut bytes);
    bytes
}

/// A fresh request id.
#[must_use]
pub fn request_id() -> RequestId {
    RequestId(random())
}

/// A fresh job id.
#[must_use]
pub fn job_id() -> JobId {
    JobId(random())
}

/// A fresh image id, which is independent of the image.
#[must_use]
pub fn image_id() -> ImageId {
    ImageId(random())
}

/// A fresh nonce for a manifest.
#[must_use]
pub fn nonce() -> Hash {
    Hash(random())
}
