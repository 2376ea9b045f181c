//! Keys on disk: Web3 secret storage version 3, as foundry's `cast wallet` and geth read and write
//! it. BLS keys are encrypted the same way; their public key stands in a file beside them.
//!
//! ```text
//! <folder>/alice.json      account key            <folder>/v1.bls.json  BLS key, encrypted
//!                                                 <folder>/v1.bls.pub   its public key, EIP-2537
//! ```

mod limits;

use crate::error::{Context, Failure, Result};
use crate::files::{self, Existing};
use alloy_primitives::{Address, hex};
use eth_keystore::{EthKeystore, KeystoreError};
use fallow_protocol::{FILE_MAX_BYTES, SecretKey, bls};
use limits::unacceptable;
use std::path::{Path, PathBuf};

/// What a key signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// secp256k1: messages and transactions.
    Account,
    /// BLS12-381: checkpoints.
    Bls,
}

const BLS_SUFFIX: &str = ".bls.json";
const ACCOUNT_SUFFIX: &str = ".json";
const PUBLIC_SUFFIX: &str = ".bls.pub";

/// One key in the folder, as far as one sees without its password.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Name without suffix.
    pub(crate) name: String,
    /// What it signs.
    pub(crate) kind: Kind,
    /// Address or public key, if the files say it.
    pub(crate) public: Option<String>,
    /// The keystore.
    pub(crate) path: PathBuf,
}

/// A folder of keys.
#[derive(Clone, Debug)]
pub(crate) struct KeyStore {
    folder: PathBuf,
    /// Whether somebody named it; the usual folder is made with the first key.
    named: bool,
}

impl KeyStore {
    /// The folder named, or `.fallow/keys` in the home folder.
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self> {
        let named = folder.is_some();
        let folder = match (folder, std::env::home_dir()) {
            (Some(folder), _) => folder.to_path_buf(),
            (None, Some(home)) => home.join(".fallow").join("keys"),
            (None, None) => {
                return Err(Failure::new("this user has no home folder")
                    .hint("name the folder of your keys with `--keys-dir`"));
            }
        };
        Ok(Self { folder, named })
    }

    /// Where a key named in a command is: a path if it looks like one, else a name in the folder.
    pub(crate) fn path(&self, name: &str, kind: Kind) -> Result<PathBuf> {
        if name.contains(std::path::MAIN_SEPARATOR) || name.ends_with(ACCOUNT_SUFFIX) {
            return Ok(PathBuf::from(name));
        }
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > 64 || name.starts_with('.') || !name.bytes().all(plain) {
            return Err(Failure::new(format_args!("`{name}` is no name of a key"))
                .hint("use 1 to 64 letters, digits, `-`, `_` and `.`, or a path"));
        }
        let suffix = match kind {
            Kind::Account => ACCOUNT_SUFFIX,
            Kind::Bls => BLS_SUFFIX,
        };
        Ok(self.folder.join(format!("{name}{suffix}")))
    }

    /// All keys of the folder, by name.
    pub(crate) fn list(&self) -> Result<Vec<Entry>> {
        if !self.folder.exists() && !self.named {
            return Ok(Vec::new());
        }
        if !self.folder.exists() {
            let what = format!("there is no folder `{}`", self.folder.display());
            return Err(Failure::new(what).hint(
                "`--keys-dir FOLDER` or the variable FALLOW_KEYS names the folder of your keys, \
                 `fallow keys new NAME` makes it",
            ));
        }
        let cannot = format!("cannot read `{}`", self.folder.display());
        let mut entries = Vec::new();
        for file in std::fs::read_dir(&self.folder).context(&cannot)? {
            let path = file.context(&cannot)?.path();
            entries.extend(entry(path)?);
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }
}

fn entry(path: PathBuf) -> Result<Option<Entry>> {
    let Some(file) = path.file_name().and_then(|name| name.to_str()).map(str::to_owned) else {
        return Ok(None);
    };
    if let Some(name) = file.strip_suffix(BLS_SUFFIX) {
        let beside = public_path(&path);
        let public = beside.exists().then(|| files::read(&beside, FILE_MAX_BYTES)).transpose()?;
        return Ok(Some(Entry {
            name: name.to_owned(),
            kind: Kind::Bls,
            public: public.map(|bytes| String::from_utf8_lossy(&bytes).trim().to_owned()),
            path,
        }));
    }
    let Some(name) = file.strip_suffix(ACCOUNT_SUFFIX) else {
        return Ok(None);
    };
    Ok(clear_part(&path)?.map(|clear| Entry {
        name: name.to_owned(),
        kind: Kind::Account,
        public: clear.address().map(|address| address.to_string()),
        path,
    }))
}

/// The address that a keystore names without its password. It is only as true as the file, so
/// nothing but what is shown may depend on it.
pub(crate) fn named_address(path: &Path) -> Result<Address> {
    read_keystore(path)?;
    clear_part(path)?.and_then(|clear| clear.address()).ok_or_else(|| {
        Failure::new(format_args!("`{}` does not name its address", path.display()))
            .hint("name the account with `--of ADDRESS`")
    })
}

/// What a keystore says without its password.
#[derive(serde::Deserialize)]
struct ClearPart {
    #[serde(rename = "crypto")]
    _crypto: serde::de::IgnoredAny,
    /// Keystores of most programs carry it.
    address: Option<String>,
}

impl ClearPart {
    fn address(&self) -> Option<Address> {
        self.address.as_ref().and_then(|text| text.parse().ok())
    }
}

/// `None` for JSON files in the folder that are no keystores.
fn clear_part(path: &Path) -> Result<Option<ClearPart>> {
    let bytes = files::read(path, FILE_MAX_BYTES)?;
    Ok(serde_json::from_slice(&bytes).ok())
}

fn public_path(keystore: &Path) -> PathBuf {
    let text = keystore.to_string_lossy();
    match text.strip_suffix(BLS_SUFFIX) {
        Some(stem) => PathBuf::from(format!("{stem}{PUBLIC_SUFFIX}")),
        None => PathBuf::from(format!("{text}.pub")),
    }
}

/// Encrypts an account key into `path`.
pub(crate) fn save_account(
    path: &Path,
    key: &SecretKey,
    password: &str,
    existing: Existing,
) -> Result<()> {
    let address = hex::encode(key.address());
    let json = encrypt(path, &key.to_bytes(), password, Some(address))?;
    files::write_private(path, &json, existing)
}

/// Encrypts a BLS key into `path`, and writes its public key beside it.
pub(crate) fn save_bls(
    path: &Path,
    key: &bls::SecretKey,
    password: &str,
    existing: Existing,
) -> Result<()> {
    let json = encrypt(path, &key.to_bytes(), password, None)?;
    files::write_private(path, &json, existing)?;
    let public = format!("{}\n", hex::encode_prefixed(key.public_key().to_eip2537()));
    files::write(&public_path(path), public.as_bytes(), Existing::Replace)
}

/// The keystore's JSON. The crate writes to a file of its own, which stays in a private folder.
fn encrypt(
    path: &Path,
    secret: &[u8; 32],
    password: &str,
    address: Option<String>,
) -> Result<Vec<u8>> {
    let cannot = format!("cannot encrypt `{}`", path.display());
    let folder = tempfile::tempdir().context(&cannot)?;
    let mut random = rand_08::rngs::OsRng;
    eth_keystore::encrypt_key(folder.path(), &mut random, secret, password, Some("key"))
        .context(&cannot)?;
    let json = std::fs::read(folder.path().join("key")).context(&cannot)?;
    let Some(address) = address else {
        return Ok(json);
    };
    let mut object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_slice(&json).context(&cannot)?;
    object.insert("address".to_owned(), address.into());
    serde_json::to_vec(&object).context(&cannot)
}

/// Decrypts an account key.
pub(crate) fn load_account(path: &Path, password: &str) -> Result<SecretKey> {
    SecretKey::from_bytes(decrypt(path, password)?)
        .context(format_args!("`{}` holds no account key", path.display()))
}

/// Decrypts a BLS key.
pub(crate) fn load_bls(path: &Path, password: &str) -> Result<bls::SecretKey> {
    bls::SecretKey::from_bytes(&decrypt(path, password)?)
        .context(format_args!("`{}` holds no BLS key", path.display()))
}

/// Reads the encrypted keystore; done before the password is asked for.
pub(crate) fn read_keystore(path: &Path) -> Result<Vec<u8>> {
    files::read(path, FILE_MAX_BYTES).map_err(|failure| {
        failure.hint(
            "`fallow keys list` shows your keys, `--keys-dir FOLDER` names their folder, \
             `fallow keys new NAME` makes one",
        )
    })
}

/// Decrypts the 32 bytes of a key.
pub(crate) fn decrypt(path: &Path, password: &str) -> Result<[u8; 32]> {
    let bytes = read_keystore(path)?;
    decrypt_json(&bytes, &path.display().to_string(), password)
}

/// Decrypts a keystore whose JSON is at hand; `name` names it in errors.
pub(crate) fn decrypt_json(bytes: &[u8], name: &str, password: &str) -> Result<[u8; 32]> {
    let not = || format!("`{name}` is no keystore");
    let keystore: EthKeystore = serde_json::from_slice(bytes)
        .context(not())
        .map_err(|failure| failure.hint("expected Web3 secret storage, version 3, as JSON"))?;
    if let Some(reason) = unacceptable(&keystore) {
        return Err(Failure::new(format_args!("{}: {reason}", not()))
            .hint("expected Web3 secret storage, version 3, with a 32-byte key"));
    }
    // The crate reads only files, and the one named may have changed since it was checked.
    let mut checked = tempfile::NamedTempFile::new().context(not())?;
    std::io::Write::write_all(&mut checked, bytes).context(not())?;
    match eth_keystore::decrypt_key(checked.path(), password) {
        Ok(secret) => secret.try_into().map_err(|_| Failure::new(not())),
        Err(KeystoreError::MacMismatch) => {
            let what = format!("the password of `{name}` is another one");
            Err(Failure::new(what).hint("check `--password-file` and `FALLOW_PASSWORD`"))
        }
        Err(error) => Err(error).context(not()),
    }
}
