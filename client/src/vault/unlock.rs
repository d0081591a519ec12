//! Unlocking of a vault: the passphrase is read from the file in `CAMEO_PASSPHRASE_FILE`, else from
//! the kernel's keyring, else from the terminal.

use std::io::{self, IsTerminal};
use std::path::PathBuf;

use keyring_core::Entry;
use keyring_core::api::CredentialStoreApi;
use zeroize::Zeroizing;

use super::error::VaultError;
use super::home::Home;
use super::passphrase::{Origin, PASSPHRASE_FILE, Passphrase, UnlockError};
use super::store::Vault;

const KEYRING_SERVICE: &str = "cameo";
/// Attempts at the terminal.
const ATTEMPTS: usize = 3;

/// The places where a passphrase may be found.
#[derive(Clone, Debug, Default)]
pub struct PassphraseSources {
    pub passphrase_file: Option<PathBuf>,
    /// Whether to use the kernel's keyring.
    pub keyring: bool,
    /// Whether there is a terminal to ask at.
    pub terminal: bool,
}

impl PassphraseSources {
    pub fn of_this_process() -> Self {
        Self {
            passphrase_file: std::env::var_os(PASSPHRASE_FILE)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from),
            keyring: true,
            terminal: io::stdin().is_terminal(),
        }
    }
}

/// Opens the vault of `home`. A wrong passphrase in the keyring is removed from it, and a wrong one
/// at the terminal is asked for again.
pub fn open(home: &Home, around: &PassphraseSources) -> Result<Vault, VaultError> {
    if !Vault::exists(home) {
        return Err(VaultError::NotCreated(home.path().to_owned()));
    }
    let mut around = around.clone();
    let mut attempts = 1;
    loop {
        let passphrase = find(home, &around)?;
        match Vault::open(home, &passphrase) {
            Err(VaultError::WrongPassphrase {
                origin: Origin::Keyring,
                ..
            }) => {
                forget(home)?;
                around.keyring = false;
            }
            Err(VaultError::WrongPassphrase {
                origin: Origin::Terminal,
                ..
            }) if attempts < ATTEMPTS => {
                attempts += 1;
                tracing::warn!("the passphrase is wrong; try again");
            }
            opened => return opened,
        }
    }
}

/// Creates the vault of `home`. A terminal asks for the passphrase twice.
pub fn create(home: &Home, around: &PassphraseSources) -> Result<Vault, VaultError> {
    if Vault::exists(home) {
        return Err(VaultError::AlreadyCreated(home.path().to_owned()));
    }
    let passphrase = match (&around.passphrase_file, around.terminal) {
        (Some(path), _) => Passphrase::from_file(path.clone())?,
        (None, true) => choose()?,
        (None, false) => return Err(UnlockError::Nowhere.into()),
    };
    Vault::create(home, &passphrase)
}

/// Asks for a new passphrase at the terminal, twice.
pub fn choose() -> Result<Passphrase, UnlockError> {
    let first = Passphrase::prompted("New passphrase: ")?;
    let second = Passphrase::prompted("Again: ")?;
    if first.bytes() != second.bytes() {
        return Err(UnlockError::Differ);
    }
    Ok(first)
}

/// Stores the passphrase in the kernel's keyring, until the machine stops or the entry expires.
pub fn remember(home: &Home, passphrase: &Passphrase) -> Result<(), UnlockError> {
    keyring_entry(home)
        .and_then(|entry| entry.set_password(passphrase.text()))
        .map_err(|error| UnlockError::Keyring(error.to_string()))
}

/// Removes the passphrase from the keyring, if it is there.
pub fn forget(home: &Home) -> Result<(), UnlockError> {
    match keyring_entry(home).and_then(|entry| entry.delete_credential()) {
        Ok(()) | Err(keyring_core::Error::NoEntry) => Ok(()),
        Err(error) => Err(UnlockError::Keyring(error.to_string())),
    }
}

/// Reads the passphrase of `home`'s vault. It is not verified.
pub fn find(home: &Home, around: &PassphraseSources) -> Result<Passphrase, UnlockError> {
    if let Some(path) = &around.passphrase_file {
        return Passphrase::from_file(path.clone());
    }
    if around.keyring
        && let Some(passphrase) = from_keyring(home)
    {
        return Ok(passphrase);
    }
    if around.terminal {
        return Passphrase::prompted("Passphrase: ");
    }
    Err(UnlockError::Nowhere)
}

/// Reads the keyring. `None` also if this machine has no usable keyring.
fn from_keyring(home: &Home) -> Option<Passphrase> {
    let secret = keyring_entry(home).and_then(|entry| entry.get_password());
    match secret {
        Ok(secret) => Passphrase::new(Zeroizing::new(secret), Origin::Keyring).ok(),
        Err(keyring_core::Error::NoEntry) => None,
        Err(error) => {
            tracing::debug!(%error, "the kernel's keyring is not available");
            None
        }
    }
}

fn keyring_entry(home: &Home) -> keyring_core::Result<Entry> {
    let store = linux_keyutils_keyring_store::Store::new()?;
    store.build(KEYRING_SERVICE, &home.path().to_string_lossy(), None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use cameo_passphrase::PASSPHRASE_LIMIT;

    fn with_file(content: &str) -> (tempfile::TempDir, Home, PassphraseSources) {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path().join("home")).unwrap();
        let path = folder.path().join("passphrase");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let around = PassphraseSources {
            passphrase_file: Some(path),
            ..PassphraseSources::default()
        };
        (folder, home, around)
    }

    #[test]
    fn the_first_line_of_the_file_is_the_passphrase() {
        let (_folder, home, mut around) = with_file("correct horse\r\nnot this\n");
        assert_eq!(find(&home, &around).unwrap().bytes(), b"correct horse");
        around.terminal = true;
        let found = find(&home, &around).unwrap();
        assert!(matches!(found.origin(), Origin::File(_)));
    }

    #[test]
    fn the_message_names_an_unusable_passphrase_file() {
        let (_folder, home, mut around) = with_file("\nsecond line\n");
        let path = around.passphrase_file.clone().unwrap();
        let refused = find(&home, &around).unwrap_err().to_string();
        assert!(refused.contains(path.to_str().unwrap()), "{refused}");
        around.passphrase_file = Some("/nowhere/at/all".into());
        let refused = find(&home, &around).unwrap_err().to_string();
        assert!(refused.contains("/nowhere/at/all"), "{refused}");
        let (_folder, home, around) = with_file(&"x".repeat(PASSPHRASE_LIMIT + 1));
        let refused = find(&home, &around);
        assert!(matches!(refused, Err(UnlockError::TooLong)));
    }

    #[test]
    fn attack_a_passphrase_file_that_others_may_read_is_refused() {
        let (_folder, home, around) = with_file("correct horse\n");
        let path = around.passphrase_file.clone().unwrap();
        for mode in [0o644, 0o640, 0o604, 0o620] {
            std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let refused = find(&home, &around).unwrap_err();
            assert!(
                matches!(refused, UnlockError::ExposedFile { .. }),
                "{mode:o}"
            );
            assert!(refused.to_string().contains("chmod 600"), "{refused}");
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o400)).unwrap();
        assert_eq!(find(&home, &around).unwrap().bytes(), b"correct horse");
    }

    #[test]
    fn without_any_source_the_message_has_the_remedy() {
        let (_folder, home, _) = with_file("");
        let refused = create(&home, &PassphraseSources::default()).unwrap_err();
        assert!(refused.to_string().contains(PASSPHRASE_FILE), "{refused}");
    }

    #[test]
    fn only_a_missing_passphrase_is_reported_as_missing() {
        let message = |error| VaultError::from(error).to_string();
        assert!(message(UnlockError::Nowhere).starts_with("no passphrase"));
        let differ = message(UnlockError::Differ);
        assert_eq!(differ, "the two passphrases differ; try again");
    }

    #[test]
    fn a_vault_opens_with_the_passphrase_it_was_created_with_only() {
        let (_folder, home, around) = with_file("correct horse\n");
        let refused = open(&home, &around).unwrap_err();
        assert!(matches!(refused, VaultError::NotCreated(_)), "{refused}");
        create(&home, &around).unwrap();
        open(&home, &around).unwrap();
        let refused = create(&home, &around).unwrap_err();
        assert!(matches!(refused, VaultError::AlreadyCreated(_)));
        std::fs::write(around.passphrase_file.as_ref().unwrap(), "wrong\n").unwrap();
        let refused = open(&home, &around).unwrap_err();
        assert!(matches!(refused, VaultError::WrongPassphrase { .. }));
    }

    #[test]
    fn the_keyring_stores_a_passphrase_or_reports_that_it_is_not_usable() {
        let (_folder, home, _) = with_file("");
        let around = PassphraseSources {
            keyring: true,
            ..PassphraseSources::default()
        };
        let nowhere = |found| matches!(found, Err(UnlockError::Nowhere));
        assert!(nowhere(find(&home, &around)));
        match remember(&home, &Passphrase::given("correct horse")) {
            Ok(()) => {
                let found = find(&home, &around).unwrap();
                assert_eq!(found.bytes(), b"correct horse");
                assert_eq!(found.origin(), Origin::Keyring);
                forget(&home).unwrap();
            }
            // Most containers have none.
            Err(refused) => assert!(refused.to_string().contains("keyring"), "{refused}"),
        }
        assert!(nowhere(find(&home, &around)));
    }

    #[test]
    fn a_passphrase_is_not_printed() {
        let printed = format!("{:?}", Passphrase::given("correct horse"));
        assert!(!printed.contains("horse"), "{printed}");
    }
}
