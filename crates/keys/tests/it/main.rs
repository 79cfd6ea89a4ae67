//! Key files: read what `btcli` 11.3.0 wrote, and write what it reads.
//!
//! The files in `golden/` were written by it for the mnemonic of all `abandon`; the password is "correct horse".

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keys::{Domain, Error, Keyfile, Pair, Wallet, list_wallets, verify};

const ADDRESS: &str = "5EPCUjPxiHAcNooYipQFWr9NmmXJKpNG5RhcntXwbtUySrgH";
const LETTER: Domain = Domain::new("stoa-letter");

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a scratch folder")
}

fn golden(folder: &Path, name: &str, contents: &[u8]) -> Keyfile {
    let path = folder.join(name);
    fs::write(&path, contents).expect("written");
    Keyfile::new(path)
}

/// One test for all that needs a password, because each opening takes 512 MiB and a second.
#[test]
fn an_encrypted_coldkey_opens_with_its_password_only() {
    let folder = scratch();
    let file = golden(folder.path(), "coldkey", include_bytes!("golden/coldkey"));
    assert!(file.is_encrypted().expect("read"));
    assert!(matches!(file.read(None), Err(Error::PasswordNeeded(_))));
    assert!(matches!(
        file.read(Some("correct house")),
        Err(Error::WrongPassword(_))
    ));

    let pair = file.read(Some("correct horse")).expect("opened");
    assert_eq!(pair.account().to_ss58(), ADDRESS);

    let again = Keyfile::new(folder.path().join("again"));
    again.write(&pair, Some("battery staple")).expect("written");
    assert!(again.is_encrypted().expect("read"));
    let reopened = again.read(Some("battery staple")).expect("opened");
    assert!(verify(
        &pair.account(),
        LETTER,
        b"hi",
        &reopened.sign(LETTER, b"hi")
    ));
}

#[test]
fn the_plain_files_of_btcli_are_read() {
    let folder = scratch();
    let hotkey = golden(folder.path(), "hotkey", include_bytes!("golden/hotkey"));
    let pair = hotkey.read(None).expect("a plain hotkey");
    assert_eq!(pair.account().to_ss58(), ADDRESS);
    assert!(verify(
        &pair.account(),
        LETTER,
        b"hi",
        &pair.sign(LETTER, b"hi")
    ));

    let public = golden(
        folder.path(),
        "pub.txt",
        include_bytes!("golden/coldkeypub.txt"),
    );
    assert_eq!(
        public.read_address().expect("an address").to_ss58(),
        ADDRESS
    );
    assert!(matches!(public.read(None), Err(Error::PublicOnly(_))));
}

#[test]
fn a_plain_file_holds_the_fields_btcli_writes() {
    let folder = scratch();
    let pair = golden(folder.path(), "hotkey", include_bytes!("golden/hotkey"))
        .read(None)
        .expect("read");
    let ours = Keyfile::new(folder.path().join("ours"));
    ours.write(&pair, None).expect("written");
    let parse = |bytes: &[u8]| serde_json::from_slice::<serde_json::Value>(bytes).expect("JSON");
    let written = fs::read(ours.path()).expect("read");
    assert_eq!(parse(&written), parse(include_bytes!("golden/hotkey")));
}

#[test]
fn a_derived_key_survives_its_file() {
    let folder = scratch();
    let alice = Pair::from_uri("//Alice").expect("a development key");
    let file = Keyfile::new(folder.path().join("alice"));
    file.write(&alice, None).expect("written");
    assert_eq!(file.read(None).expect("read").account(), alice.account());
    let path = file.path().to_str().expect("a path");
    assert_eq!(
        Pair::from_uri_or_file(path).expect("a file").account(),
        alice.account()
    );
}

#[test]
fn key_files_are_their_owners_only_and_never_overwritten() {
    let folder = scratch();
    let wallet = Wallet::new(&folder.path().join("wallets"), "mine").expect("a name");
    let first = Pair::from_uri("//Alice").expect("a development key");
    let second = Pair::from_uri("//Bob").expect("a development key");
    wallet.store_hotkey("default", &first).expect("written");
    assert!(matches!(
        wallet.store_hotkey("default", &second),
        Err(Error::Exists(_))
    ));

    let file = wallet.hotkey("default").expect("a name");
    assert_eq!(file.read(None).expect("read").account(), first.account());
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(file.path()), 0o600);
    let hotkeys = file.path().parent().expect("a folder");
    assert_eq!(mode(hotkeys), 0o700);
    let left: Vec<_> = fs::read_dir(hotkeys)
        .expect("listed")
        .map(|entry| entry.expect("entry").file_name())
        .collect();
    assert_eq!(left.len(), 2, "no scratch file is left: {left:?}");
}

#[test]
fn wallets_and_hotkeys_are_listed_by_name() {
    let folder = scratch();
    assert!(
        list_wallets(&folder.path().join("none"))
            .expect("no folder is no wallets")
            .is_empty()
    );
    let pair = Pair::from_uri("//Alice").expect("a development key");
    for (wallet, hotkey) in [("b", "two"), ("a", "one"), ("b", "one")] {
        Wallet::new(folder.path(), wallet)
            .expect("a name")
            .store_hotkey(hotkey, &pair)
            .expect("written");
    }
    let wallets = list_wallets(folder.path()).expect("listed");
    let listed: Vec<_> = wallets
        .iter()
        .map(|wallet| {
            let hotkeys = wallet.hotkeys().expect("listed");
            (
                wallet.name(),
                hotkeys
                    .into_iter()
                    .map(|(name, _)| name)
                    .collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(
        listed,
        [
            ("a", vec!["one".to_owned()]),
            ("b", vec!["one".into(), "two".into()])
        ]
    );
}

#[test]
fn a_name_cannot_leave_the_wallets_folder() {
    for name in ["..", ".hidden", "a/b", "", "a b", "/etc"] {
        assert!(
            matches!(Wallet::new(Path::new("/tmp"), name), Err(Error::BadName(_))),
            "{name}"
        );
    }
}

#[test]
fn damaged_files_say_what_is_wrong() {
    let folder = scratch();
    let reason = |name: &str, contents: &[u8]| {
        let refused = golden(folder.path(), name, contents).read(None);
        refused.expect_err("refused").to_string()
    };
    assert!(reason("a", b"not json").contains("is not a key file"));
    assert!(reason("b", &vec![b' '; 100_000]).contains("far too large"));
    assert!(reason("c", b"$ANSIBLE_VAULT;1.1;AES256").contains("from its words"));
    let swapped = String::from_utf8(include_bytes!("golden/hotkey").to_vec())
        .expect("text")
        .replace(ADDRESS, "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY");
    assert!(reason("d", swapped.as_bytes()).contains("another address"));
    let missing = Keyfile::new(folder.path().join("nowhere"))
        .read(None)
        .expect_err("missing");
    assert!(missing.to_string().starts_with("cannot read"), "{missing}");
}
