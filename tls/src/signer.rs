//! Handshake signatures by our key, so that the TLS library has no copy of the secret.

use std::fmt;
use std::sync::Arc;

use cameo_common::keys;
use rustls::pki_types::CertificateDer;
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::{Error, SignatureAlgorithm, SignatureScheme};

use crate::spki;

pub(crate) fn certified(key: Arc<keys::SigningKey>) -> Arc<CertifiedKey> {
    let spki = CertificateDer::from(spki::encode(&key.public()));
    Arc::new(CertifiedKey::new(vec![spki], Arc::new(KeySigner(key))))
}

struct KeySigner(Arc<keys::SigningKey>);

impl fmt::Debug for KeySigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySigner(..)")
    }
}

impl SigningKey for KeySigner {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&SignatureScheme::ED25519)
            .then(|| Box::new(Self(self.0.clone())) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ED25519
    }
}

impl Signer for KeySigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        Ok(self.0.sign(message).to_vec())
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}
