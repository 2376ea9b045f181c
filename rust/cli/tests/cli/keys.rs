//! `fallow keys`: encrypted files that foundry's `cast wallet` reads and writes, too.

use crate::world::{PASSWORD, fallow, run, run_with_input};
use std::path::{Path, PathBuf};
use std::process::Command;

/// npm's native binary of foundry's `cast`, where the packages are installed.
fn cast() -> Option<PathBuf> {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../node_modules/@foundry-rs");
    let folders = std::fs::read_dir(packages).ok()?;
    let casts = folders.filter_map(Result::ok).map(|folder| folder.path().join("bin/cast"));
    casts.into_iter().find(|path| path.is_file())
}

fn secret_of(folder: &Path, name: &str) -> String {
    let ran = run(folder, &["keys", "export", name, "--unencrypted"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    ran.stdout.trim().to_owned()
}

#[test]
fn new_keys_are_listed_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let made = run(folder.path(), &["keys", "new", "alice"]);
    assert_eq!(made.code, 0, "{made:?}");
    assert!(made.stdout.starts_with("0x") && made.stdout.len() == 43, "{made:?}");
    assert_eq!(run(folder.path(), &["keys", "new", "v1", "--bls"]).code, 0);
    let listed = run(folder.path(), &["keys", "list"]);
    assert!(listed.stdout.contains(made.stdout.trim()), "{listed:?}");
    assert_eq!(listed.stdout.lines().count(), 3, "{listed:?}");

    let before = secret_of(folder.path(), "alice");
    run(folder.path(), &["keys", "new", "alice"]).expect_failure("is there already");
    assert_eq!(secret_of(folder.path(), "alice"), before);
    assert_eq!(run(folder.path(), &["keys", "new", "alice", "--force"]).code, 0);
    assert_ne!(secret_of(folder.path(), "alice"), before);
}

#[test]
fn a_folder_that_is_not_there_has_no_keys_to_list() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(folder.path(), &["keys", "list", "--keys-dir", "nowhere"]);
    ran.expect_failure("there is no folder `nowhere`");
    // The usual folder is not there before the first key is.
    let mut list = fallow(folder.path());
    list.args(["keys", "list", "--json"]).env_remove("FALLOW_KEYS").env("HOME", folder.path());
    let listed = list.output().unwrap();
    assert_eq!((listed.status.code(), listed.stdout.as_slice()), (Some(0), b"[]\n".as_slice()));
}

#[test]
fn a_keystore_travels_in_both_directions_with_cast() {
    let Some(cast) = cast() else {
        eprintln!("skipped: foundry's cast is not installed; `npm ci` installs it");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let address = run(folder.path(), &["keys", "new", "alice"]).stdout;
    let path = folder.path().join("keys/alice.json");
    let read = Command::new(&cast)
        .args(["wallet", "address", "--password", PASSWORD, "--keystore"])
        .arg(&path)
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&read.stdout), address);

    let secret = format!("0x{}", "17".repeat(32));
    let written = Command::new(&cast)
        .args(["wallet", "import", "bob", "--unsafe-password", PASSWORD])
        .args(["--private-key", &secret, "--keystore-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(written.status.success(), "{written:?}");
    let imported = run(folder.path(), &["keys", "import", "bob", "bob"]);
    assert_eq!(imported.code, 0, "{imported:?}");
    assert_eq!(secret_of(folder.path(), "bob"), secret);
}

#[test]
fn a_bls_key_survives_export_and_import() {
    let folder = tempfile::tempdir().unwrap();
    let made = run(folder.path(), &["keys", "new", "v1", "--bls"]);
    let exported = run(folder.path(), &["keys", "export", "v1", "--bls"]);
    let args = ["keys", "import", "v2", "-", "--bls"];
    let imported = run_with_input(folder.path(), &args, exported.stdout.as_bytes());
    assert_eq!(imported.code, 0, "{imported:?}");
    assert_eq!(imported.stdout, made.stdout);
    let public = std::fs::read_to_string(folder.path().join("keys/v2.bls.pub")).unwrap();
    assert_eq!(public, made.stdout);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_a_key() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["keys", "new", "alice"]);
    run(folder.path(), &["keys", "new", "v1", "--bls"]);
    for name in ["alice.json", "v1.bls.json"] {
        let file = std::fs::metadata(folder.path().join("keys").join(name)).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600, "{name}");
    }
}

#[test]
fn passwords_come_from_a_file_or_the_environment() {
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["keys", "new", "alice"]);
    std::fs::write(folder.path().join("right"), format!("{PASSWORD}\r\n")).unwrap();
    std::fs::write(folder.path().join("wrong"), "other").unwrap();
    let args = ["keys", "export", "alice", "--unencrypted", "--password-file"];
    let with = |file| run(folder.path(), &[args.as_slice(), &[file]].concat());
    assert_eq!(with("right").code, 0);
    with("wrong").expect_failure("password");
    with("missing").expect_failure("cannot read");
}

#[test]
fn an_empty_password_protects_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let ran = fallow(folder.path())
        .args(["keys", "new", "alice"])
        .env("FALLOW_PASSWORD", "")
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(!folder.path().join("keys").exists(), "nothing is written");
}

#[test]
fn names_stay_inside_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["", ".hidden", "a b", "a\nb", &"x".repeat(65)] {
        let ran = run(folder.path(), &["keys", "new", name]);
        ran.expect_failure("is no name of a key");
    }
}
