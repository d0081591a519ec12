//! Verifiers that show what a decision verifies.

use std::sync::Mutex;

use cameo_common::keys::{PublicKey, SIGNATURE_LENGTH, SignatureClaim};
use cameo_common::signed::{Strict, Verifier};

/// Verifies, and records each claim.
#[derive(Default)]
pub struct Recorder(Mutex<Vec<SignatureClaim>>);

impl Recorder {
    /// The claims in the order of their verification.
    pub fn verified(self) -> Vec<SignatureClaim> {
        self.0.into_inner().unwrap()
    }
}

impl Verifier for Recorder {
    fn is_signed(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8; SIGNATURE_LENGTH],
    ) -> bool {
        self.0.lock().unwrap().push(SignatureClaim {
            key: *key,
            message: message.to_vec(),
            signature: *signature,
        });
        Strict.is_signed(key, message, signature)
    }
}

/// Knows the answer to some claims, and must not be asked about others.
pub struct Known(pub Vec<(SignatureClaim, bool)>);

impl Verifier for Known {
    fn is_signed(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8; SIGNATURE_LENGTH],
    ) -> bool {
        let mut known = self.0.iter();
        let known = known.find(|(claim, _)| {
            (claim.key, claim.message.as_slice(), claim.signature) == (*key, message, *signature)
        });
        known.expect("a signature that is not claimed").1
    }
}
