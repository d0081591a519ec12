//! Records and blobs: persistence, sealing, versions and concurrent updates.

#![allow(clippy::unwrap_used)]

use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use serde::{Deserialize, Serialize};

use crate::vault::Older;

use super::*;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Contact {
    key: [u8; 4],
    note: String,
}

impl Record for Contact {
    const KIND: &'static str = "contacts";
    const VERSION: u16 = 3;
}

/// The same kind, as a later version writes it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct LaterContact(u8);

impl Record for LaterContact {
    const KIND: &'static str = "contacts";
    const VERSION: u16 = 4;
}

/// The same kind, as an earlier version wrote it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct EarlierContact(String);

impl Record for EarlierContact {
    const KIND: &'static str = "contacts";
    const VERSION: u16 = 2;
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct GrownContact(String, u8);

impl Record for GrownContact {
    const KIND: &'static str = "contacts";
    const VERSION: u16 = 4;
    const OLDER: &'static [Older<Self>] = &[Older::of::<EarlierContact>()];
}

impl From<EarlierContact> for GrownContact {
    fn from(old: EarlierContact) -> Self {
        GrownContact(old.0, 7)
    }
}

/// The same encoding under another kind.
#[derive(Debug, Serialize, Deserialize)]
struct Stranger(Contact);

impl Record for Stranger {
    const KIND: &'static str = "strangers";
    const VERSION: u16 = 3;
}

fn contact(note: &str) -> Contact {
    Contact {
        key: [1, 2, 3, 4],
        note: note.into(),
    }
}

fn vault() -> (tempfile::TempDir, Vault) {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::at(folder.path()).unwrap();
    let vault = Vault::create(&home, &Passphrase::given("correct horse")).unwrap();
    (folder, vault)
}

#[test]
fn records_are_read_by_another_process() {
    let (folder, vault) = vault();
    vault.put("bob", &contact("a friend")).unwrap();
    vault.put("ada", &contact("an ω photo")).unwrap();
    vault.put("bob", &contact("my friend")).unwrap();
    let home = Home::at(folder.path()).unwrap();
    let vault = Vault::open(&home, &Passphrase::given("correct horse")).unwrap();
    assert_eq!(vault.get("ada").unwrap(), Some(contact("an ω photo")));
    assert_eq!(vault.get::<Contact>("eve").unwrap(), None);
    let all = vault.list::<Contact>().unwrap();
    let expected = [
        ("ada".to_owned(), contact("an ω photo")),
        ("bob".to_owned(), contact("my friend")),
    ];
    assert_eq!(all, expected);
    assert!(vault.delete::<Contact>("bob").unwrap());
    assert!(!vault.delete::<Contact>("bob").unwrap());
    assert_eq!(vault.get::<Contact>("bob").unwrap(), None);
}

#[test]
fn attack_a_copied_vault_does_not_open_without_its_passphrase() {
    let (folder, vault) = vault();
    vault.put("ada", &contact("x")).unwrap();
    let home = Home::at(folder.path()).unwrap();
    let open = |passphrase| Vault::open(&home, &Passphrase::given(passphrase));
    let refused = open("battery staple").unwrap_err();
    assert!(matches!(refused, VaultError::WrongPassphrase { .. }));
    vault
        .change_passphrase(&Passphrase::given("battery staple"))
        .unwrap();
    assert!(open("correct horse").is_err());
    let again = open("battery staple").unwrap();
    assert_eq!(again.get("ada").unwrap(), Some(contact("x")));
}

#[test]
fn the_bytes_of_a_record_are_pinned() {
    let path = Path::new("/home/records/contacts/00112233445566778899aabbccddeeff");
    let bytes = seal_record(&[7; 32], [5; 24], path, "ada", &contact("x")).unwrap();
    // "cameorec", format 1, version 3, the nonce, and what is sealed with its tag
    let pin = "63616d656f72656301000300\
               050505050505050505050505050505050505050505050505\
               f2db118c1c75ca2bda065ad575231efd9e2ff18144d73f1048b5";
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, pin);
    let opened = open_record::<Contact>(&[7; 32], path, &bytes).unwrap();
    assert_eq!(opened, ("ada".to_owned(), contact("x")));
}

#[test]
fn attack_no_byte_of_a_record_can_be_changed_or_cut() {
    let (_folder, vault) = vault();
    vault.put("ada", &contact("x")).unwrap();
    let path = vault.path::<Contact>("ada").unwrap();
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        let refused = vault.get::<Contact>("ada").unwrap_err().to_string();
        assert!(refused.contains(path.to_str().unwrap()), "{refused}");
    }
    for cut in 0..good.len() {
        fs::write(&path, &good[..cut]).unwrap();
        assert!(vault.get::<Contact>("ada").is_err(), "cut at {cut}");
    }
}

#[test]
fn attack_a_record_cannot_be_substituted_for_another() {
    let (_folder, vault) = vault();
    vault.put("ada", &contact("ada")).unwrap();
    vault.put("eve", &contact("eve")).unwrap();
    let path = |id| vault.path::<Contact>(id).unwrap();
    fs::copy(path("eve"), path("ada")).unwrap();
    let refused = vault.get::<Contact>("ada").unwrap_err();
    assert!(matches!(refused, VaultError::Damaged { .. }));
    let elsewhere = vault.path::<Stranger>("eve").unwrap();
    let elsewhere = elsewhere.with_file_name(path("eve").file_name().unwrap());
    fs::copy(path("eve"), elsewhere).unwrap();
    assert!(vault.list::<Stranger>().is_err());
}

#[test]
fn an_unreadable_record_is_never_overwritten() {
    let (_folder, vault) = vault();
    vault.put("ada", &contact("ada")).unwrap();
    vault.put("bob", &contact("bob")).unwrap();
    let path = vault.path::<Contact>("ada").unwrap();
    fs::write(&path, b"cameorec, once").unwrap();

    vault.put("ada", &contact("new")).unwrap_err();
    vault.delete::<Contact>("ada").unwrap_err();
    let update = vault.update::<Contact, VaultError>("ada", |_| Ok(Some(contact("new"))));
    let refused = update.unwrap_err().to_string();
    assert!(refused.contains("backup"), "{refused}");
    assert_eq!(fs::read(&path).unwrap(), b"cameorec, once");

    assert!(vault.list::<Contact>().is_err());
    let listing = vault.list_readable::<Contact>().unwrap();
    assert_eq!(listing.records, [("bob".to_owned(), contact("bob"))]);
    assert_eq!(listing.unreadable.len(), 1);
}

#[test]
fn a_record_of_a_later_version_is_refused_and_kept() {
    let (_folder, vault) = vault();
    vault.put("ada", &LaterContact(9)).unwrap();
    let refused = vault.get::<Contact>("ada").unwrap_err();
    assert!(matches!(
        refused,
        VaultError::OtherVersion {
            found: 4,
            known: 3,
            ..
        }
    ));
    vault.put("ada", &contact("older")).unwrap_err();
    assert_eq!(vault.get("ada").unwrap(), Some(LaterContact(9)));
}

#[test]
fn a_record_of_an_earlier_version_is_read_and_written_in_the_present_one() {
    let (_folder, vault) = vault();
    vault.put("ada", &EarlierContact("old".into())).unwrap();
    let grown = GrownContact("old".into(), 7);
    assert_eq!(vault.get("ada").unwrap(), Some(grown.clone()));
    assert_eq!(vault.list().unwrap(), [("ada".to_owned(), grown.clone())]);

    // Once written it has the present version, which the earlier one refuses.
    vault.update::<GrownContact, VaultError>("ada", Ok).unwrap();
    assert_eq!(vault.get("ada").unwrap(), Some(grown));
    let refused = vault.get::<EarlierContact>("ada").unwrap_err();
    assert!(matches!(
        refused,
        VaultError::OtherVersion {
            found: 4,
            known: 2,
            ..
        }
    ));

    // A version in between that is not in OLDER is refused.
    vault.put("bob", &contact("x")).unwrap();
    assert!(vault.get::<GrownContact>("bob").is_err());
}

#[test]
fn a_full_disk_leaves_the_old_record() {
    let (_folder, vault) = vault();
    vault.put("ada", &contact("old")).unwrap();
    let unfinished = vault.folder::<Contact>().unwrap().join(UNFINISHED);
    std::os::unix::fs::symlink("/dev/full", unfinished).unwrap();
    let refused = vault.put("ada", &contact("new")).unwrap_err();
    assert!(matches!(refused, VaultError::Io { .. }), "{refused}");
    assert_eq!(vault.get("ada").unwrap(), Some(contact("old")));
}

#[test]
fn concurrent_updates_are_all_applied() {
    let (_folder, vault) = vault();
    let writers: Vec<_> = (0..4)
        .map(|_| {
            let vault = vault.clone();
            std::thread::spawn(move || {
                for _ in 0..5 {
                    let add = |before: Option<Contact>| {
                        let note = before.map_or_else(String::new, |before| before.note);
                        Ok::<_, VaultError>(Some(contact(&(note + "+"))))
                    };
                    vault.update("count", add).unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    assert_eq!(vault.get("count").unwrap(), Some(contact(&"+".repeat(20))));
    let removed = vault.update::<Contact, VaultError>("count", |_| Ok(None));
    assert_eq!(removed.unwrap(), None);
    assert_eq!(vault.get::<Contact>("count").unwrap(), None);
}

#[test]
fn attack_a_copied_vault_reveals_neither_names_nor_contents() {
    let (folder, vault) = vault();
    vault.put("roberta", &contact("the photo of Ada")).unwrap();
    let mut folders = vec![folder.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let mode = fs::metadata(&folder).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{}", folder.display());
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            assert!(!path.to_str().unwrap().contains("roberta"));
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
            let bytes = fs::read(path).unwrap();
            for secret in [&b"roberta"[..], b"photo"] {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret));
            }
        }
    }
    assert!(files >= 2);
}

#[test]
fn carriers_are_ordinary_files() {
    let (folder, vault) = vault();
    let path = vault.put_blob("carriers", "7f.png", b"a picture").unwrap();
    assert_eq!(
        path,
        Home::at(folder.path())
            .unwrap()
            .path()
            .join("carriers/7f.png")
    );
    assert_eq!(fs::read(&path).unwrap(), b"a picture");
    assert_eq!(vault.list_blobs("carriers").unwrap(), ["7f.png"]);
    let read = vault.get_blob("carriers", "7f.png").unwrap();
    assert_eq!(read.as_deref(), Some(&b"a picture"[..]));
    assert!(vault.delete_blob("carriers", "7f.png").unwrap());
    assert_eq!(vault.get_blob("carriers", "7f.png").unwrap(), None);
    for (kind, name) in [
        ("carriers", "../vault.key"),
        ("carriers", ".unfinished"),
        ("carriers", ""),
        ("../x", "y"),
        ("records", "y"),
    ] {
        assert!(vault.put_blob(kind, name, b"").is_err(), "{kind}/{name}");
    }
}

#[test]
fn nothing_secret_is_printed() {
    let (_folder, vault) = vault();
    let printed = format!("{vault:?}");
    assert!(!printed.contains("key"), "{printed}");
}

proptest! {
    #[test]
    fn every_record_comes_back_as_it_was(key: [u8; 4], note: String, id in ".{0,40}") {
        let path = Path::new("records/contacts/name");
        let record = Contact { key, note };
        let bytes = seal_record(&[7; 32], [5; 24], path, &id, &record).unwrap();
        let opened = open_record::<Contact>(&[7; 32], path, &bytes).unwrap();
        prop_assert_eq!(opened, (id, record));
    }
}
