//! Signed statements, kept as exact bytes: signature, label, version, body.
//!
//! A statement names its signer's key in its body. It is verified against *that* key, by every
//! replica (`verify`); the machine decides from the state whether that key may sign such a
//! statement. Unknown labels and versions are refused.

use std::fmt;
use std::marker::PhantomData;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned, de::Error as _,
};

use crate::ids::Hash;
use crate::keys::{PublicKey, SIGNATURE_LENGTH, SignatureClaim, SigningKey};
use crate::wire;

/// The longest statement that is read, signature included.
pub const MAX_STATEMENT: usize = 16 * 1024;

/// The prefix that every signature covers before the statement.
const DOMAIN: &[u8] = b"cameo signed statement 1\0";

/// A body that can be signed: its kind, its version, its signer.
pub trait Statement: Serialize + DeserializeOwned {
    /// Distinguishes statements of one kind from all others.
    const LABEL: &'static str;
    /// Rises with each change of layout.
    const VERSION: u16;
    /// The key that has to have signed it.
    fn signer(&self) -> PublicKey;
}

/// The reason why a statement is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    #[error("the statement is longer than {MAX_STATEMENT} bytes")]
    TooLong,
    #[error("the statement is not well-formed")]
    Malformed,
    #[error("expected a {expected} statement")]
    WrongLabel { expected: &'static str },
    #[error(
        "the {label} statement has version {version}, which this program does not know; update it"
    )]
    UnknownVersion { label: &'static str, version: u16 },
    #[error("the signature of the {0} statement is wrong")]
    BadSignature(&'static str),
}

/// The verifier of signatures. There is one rule, [`PublicKey::verify`]; a verifier may remember
/// what it has answered, or answer many claims at once.
pub trait Verifier: Sync {
    /// Whether this key made this signature over this message.
    fn is_signed(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8; SIGNATURE_LENGTH],
    ) -> bool;
}

/// Verifies each signature each time, by [`PublicKey::verify`].
#[derive(Debug, Clone, Copy, Default)]
pub struct Strict;

impl Verifier for Strict {
    fn is_signed(
        &self,
        key: &PublicKey,
        message: &[u8],
        signature: &[u8; SIGNATURE_LENGTH],
    ) -> bool {
        key.verify(message, signature)
    }
}

/// The exact bytes of a statement, signature first.
pub struct Signed<T> {
    bytes: Vec<u8>,
    kind: PhantomData<fn() -> T>,
}

#[derive(Serialize, Deserialize)]
struct Envelope<T> {
    label: String,
    version: u16,
    body: T,
}

impl<T: Statement> Signed<T> {
    /// Signs a statement.
    ///
    /// # Panics
    /// When the key is not the one that the statement names: a mistake of the caller.
    #[must_use]
    pub fn new(key: &SigningKey, body: T) -> Self {
        assert_eq!(
            key.public(),
            body.signer(),
            "a statement is signed by the key it names"
        );
        let envelope = Envelope {
            label: T::LABEL.to_owned(),
            version: T::VERSION,
            body,
        };
        let body = wire::encode(&envelope);
        let mut bytes = key.sign(&covered(&body)).to_vec();
        bytes.extend_from_slice(&body);
        Self {
            bytes,
            kind: PhantomData,
        }
    }

    /// The body, after the signature is verified.
    pub fn verify(&self) -> Result<T, StatementError> {
        self.verify_by(&Strict)
    }

    /// The same, by a verifier that may remember the signature.
    pub fn verify_by(&self, verifier: &dyn Verifier) -> Result<T, StatementError> {
        let body = self.unverified()?;
        let (signature, covers) = self.split()?;
        if verifier.is_signed(&body.signer(), &covered(covers), signature) {
            Ok(body)
        } else {
            Err(StatementError::BadSignature(T::LABEL))
        }
    }

    /// What [`Self::verify`] asks of a verifier.
    ///
    /// # Errors
    /// As [`Self::unverified`]: such a statement is refused before its signature is verified.
    pub fn claim(&self) -> Result<SignatureClaim, StatementError> {
        let key = self.unverified()?.signer();
        let (signature, covers) = self.split()?;
        Ok(SignatureClaim {
            key,
            message: covered(covers),
            signature: *signature,
        })
    }

    /// The body, without a check of the signature: of a statement that has been verified before, or
    /// that others will verify.
    pub fn unverified(&self) -> Result<T, StatementError> {
        let (_, covers) = self.split()?;
        self.check_kind(covers)?;
        let envelope: Envelope<T> = wire::decode(covers).map_err(|_| StatementError::Malformed)?;
        Ok(envelope.body)
    }

    /// Label and version come before the body, so that an unknown layout has an error of its own.
    fn check_kind(&self, covers: &[u8]) -> Result<(), StatementError> {
        let (label, version): (&str, u16) =
            wire::peek(covers).map_err(|_| StatementError::Malformed)?;
        if label != T::LABEL {
            return Err(StatementError::WrongLabel { expected: T::LABEL });
        }
        if version != T::VERSION {
            return Err(StatementError::UnknownVersion {
                label: T::LABEL,
                version,
            });
        }
        Ok(())
    }

    fn split(&self) -> Result<(&[u8; SIGNATURE_LENGTH], &[u8]), StatementError> {
        if self.bytes.len() > MAX_STATEMENT {
            return Err(StatementError::TooLong);
        }
        self.bytes
            .split_first_chunk()
            .ok_or(StatementError::Malformed)
    }
}

impl<T> Signed<T> {
    /// Wraps received bytes; nothing is checked yet.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            kind: PhantomData,
        }
    }

    /// The exact bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The hash by which others refer to exactly this statement.
    #[must_use]
    pub fn hash(&self) -> Hash {
        Hash::of(&self.bytes)
    }
}

fn covered(body: &[u8]) -> Vec<u8> {
    [DOMAIN, body].concat()
}

impl<T> Clone for Signed<T> {
    fn clone(&self) -> Self {
        Self::from_bytes(self.bytes.clone())
    }
}

impl<T> PartialEq for Signed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<T> Eq for Signed<T> {}

impl<T> fmt::Debug for Signed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signed({})", self.hash())
    }
}

impl<T> Serialize for Signed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.serialize_str(&data_encoding::BASE64URL_NOPAD.encode(&self.bytes))
        } else {
            serializer.serialize_bytes(&self.bytes)
        }
    }
}

impl<'de, T> Deserialize<'de> for Signed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = if deserializer.is_human_readable() {
            let text = String::deserialize(deserializer)?;
            data_encoding::BASE64URL_NOPAD
                .decode(text.as_bytes())
                .map_err(D::Error::custom)?
        } else {
            serde_bytes::ByteBuf::deserialize(deserializer)?.into_vec()
        };
        Ok(Self::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    struct Hello {
        by: PublicKey,
        word: String,
    }
    impl Statement for Hello {
        const LABEL: &'static str = "test-hello";
        const VERSION: u16 = 1;
        fn signer(&self) -> PublicKey {
            self.by
        }
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Later(Hello);
    impl Statement for Later {
        const LABEL: &'static str = "test-hello";
        const VERSION: u16 = 2;
        fn signer(&self) -> PublicKey {
            self.0.by
        }
    }

    fn hello() -> Signed<Hello> {
        let key = SigningKey::from_seed([7; 32]);
        Signed::new(
            &key,
            Hello {
                by: key.public(),
                word: "hi".into(),
            },
        )
    }

    #[test]
    fn a_statement_says_what_was_signed() {
        assert_eq!(hello().verify().unwrap().word, "hi");
    }

    #[test]
    fn attack_a_statement_with_any_byte_flipped_is_refused() {
        let good = hello();
        for at in 0..good.as_bytes().len() {
            let mut bytes = good.as_bytes().to_vec();
            bytes[at] ^= 1;
            assert!(
                Signed::<Hello>::from_bytes(bytes).verify().is_err(),
                "byte {at}"
            );
        }
    }

    #[test]
    fn an_unknown_version_is_named() {
        let bytes = hello().as_bytes().to_vec();
        assert_eq!(
            Signed::<Later>::from_bytes(bytes).verify().unwrap_err(),
            StatementError::UnknownVersion {
                label: "test-hello",
                version: 1
            }
        );
    }

    #[test]
    fn attack_a_statement_with_trailing_bytes_is_refused() {
        let mut bytes = hello().as_bytes().to_vec();
        bytes.push(0);
        assert_eq!(
            Signed::<Hello>::from_bytes(bytes).verify().unwrap_err(),
            StatementError::Malformed
        );
    }

    #[test]
    fn its_bytes_are_pinned() {
        let text = data_encoding::HEXLOWER.encode(&hello().as_bytes()[SIGNATURE_LENGTH..]);
        let key = SigningKey::from_seed([7; 32]).public();
        // label length, label, version (varint), key, word length, word
        assert_eq!(text, format!("0a746573742d68656c6c6f01{key}026869"));
    }
}
