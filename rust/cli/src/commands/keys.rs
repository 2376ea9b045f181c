//! `fallow keys`: keys on this machine, encrypted.

use crate::args::keys::{Export, Import, Keys, List, New, Prove, Stored};
use crate::error::{Context, ExitStatus, Failure, Result};
use crate::files::{self, Existing};
use crate::keystore::{self, KeyStore, Kind};
use crate::member::MemberFile;
use crate::plan::Plan;
use crate::printer::{BAD, Printer};
use crate::{secrets, signer};
use alloy_primitives::hex;
use fallow_protocol::bls;
use fallow_protocol::{FILE_MAX_BYTES, SecretKey};
use rand::Rng;
use serde::Serialize;
use std::path::{Path, PathBuf};

pub(crate) fn keys(args: &Keys, printer: &mut Printer) -> Result<ExitStatus> {
    match args {
        Keys::New(args) => new(args, printer),
        Keys::List(args) => list(args, printer),
        Keys::Import(args) => import(args, printer),
        Keys::Export(args) => export(args, printer),
        Keys::Prove(args) => prove(args, printer),
    }
}

/// A key as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: String,
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    public: Option<String>,
    path: String,
}

/// A decrypted key of either kind.
enum Secret {
    Account(SecretKey),
    Bls(bls::SecretKey),
}

impl Secret {
    const fn kind_name(kind: Kind) -> &'static str {
        match kind {
            Kind::Account => "account",
            Kind::Bls => "bls",
        }
    }

    fn generate(kind: Kind) -> Result<Self> {
        let mut seed = [0_u8; 32];
        rand::rng().fill_bytes(&mut seed);
        match kind {
            Kind::Account => Self::from_bytes(kind, seed),
            Kind::Bls => {
                bls::SecretKey::generate(&seed).map(Self::Bls).context("cannot make a BLS key")
            }
        }
    }

    fn from_bytes(kind: Kind, bytes: [u8; 32]) -> Result<Self> {
        match kind {
            Kind::Account => SecretKey::from_bytes(bytes).map(Self::Account).context("no key"),
            Kind::Bls => bls::SecretKey::from_bytes(&bytes).map(Self::Bls).context("no key"),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Account(key) => key.address().to_string(),
            Self::Bls(key) => hex::encode_prefixed(key.public_key().to_eip2537()),
        }
    }

    fn shown(&self, name: &str, path: &Path) -> Shown {
        let kind = match self {
            Self::Account(_) => Kind::Account,
            Self::Bls(_) => Kind::Bls,
        };
        Shown {
            name: name.to_owned(),
            kind: Self::kind_name(kind),
            public: Some(self.public()),
            path: path.display().to_string(),
        }
    }

    fn save(&self, path: &Path, password: &str, existing: Existing) -> Result<()> {
        match self {
            Self::Account(key) => keystore::save_account(path, key, password, existing),
            Self::Bls(key) => keystore::save_bls(path, key, password, existing),
        }
    }
}

const fn kind(bls: bool) -> Kind {
    if bls { Kind::Bls } else { Kind::Account }
}

fn new(args: &New, printer: &mut Printer) -> Result<ExitStatus> {
    let (kind, stored) = (kind(args.bls), &args.stored);
    let path = free_path(stored, &args.name, kind)?;
    let password = secrets::new_password(stored.store.password_file.as_deref(), &args.name)?;
    let secret = Secret::generate(kind)?;
    secret.save(&path, &password, Existing::forced(stored.force))?;
    let shown = secret.shown(&args.name, &path);
    show_stored(&shown, stored.output.json, printer)
}

/// Where a new key goes. Before the password is asked for; the write itself checks again.
fn free_path(stored: &Stored, name: &str, kind: Kind) -> Result<PathBuf> {
    let path = KeyStore::open(stored.store.keys_dir.as_deref())?.path(name, kind)?;
    if path.exists() && !stored.force {
        return Err(Failure::new(format_args!("`{}` is there already", path.display()))
            .hint("choose another name, or pass `--force` to lose that key for ever"));
    }
    Ok(path)
}

fn show_stored(shown: &Shown, json: bool, printer: &mut Printer) -> Result<ExitStatus> {
    if json {
        printer.json(shown)?;
    } else {
        printer.line(shown.public.as_deref().unwrap_or("not in the file"))?;
        printer.note(format_args!("stored encrypted in `{}`", shown.path))?;
    }
    Ok(ExitStatus::Done)
}

fn list(args: &List, printer: &mut Printer) -> Result<ExitStatus> {
    let keys: Vec<Shown> = KeyStore::open(args.keys_dir.as_deref())?
        .list()?
        .into_iter()
        .map(|entry| Shown {
            kind: Secret::kind_name(entry.kind),
            public: entry.public,
            path: entry.path.display().to_string(),
            name: entry.name,
        })
        .collect();
    if args.output.json {
        printer.json(&keys)?;
        return Ok(ExitStatus::Done);
    }
    let rows: Vec<_> = keys
        .into_iter()
        .map(|key| {
            let public = key.public.unwrap_or_else(|| "not in the file".to_owned());
            vec![key.name, key.kind.to_owned(), shorten(&public)]
        })
        .collect();
    printer.table(&["name", "kind", "address or public key"], &rows)?;
    Ok(ExitStatus::Done)
}

/// BLS keys are too long for a table; `--json` shows them whole.
fn shorten(public: &str) -> String {
    match public.get(..42) {
        Some(head) if public.len() > 66 => format!("{head}..."),
        _ => public.to_owned(),
    }
}

fn import(args: &Import, printer: &mut Printer) -> Result<ExitStatus> {
    let (kind, stored) = (kind(args.bls), &args.stored);
    let path = free_path(stored, &args.name, kind)?;
    let bytes = files::read(&args.from, FILE_MAX_BYTES)?;
    let password_file = stored.store.password_file.as_deref();
    let (secret, password) = match parse_hex(&bytes) {
        Some(secret) => (secret, secrets::new_password(password_file, &args.name)?),
        None => {
            let password = secrets::password(password_file, &args.name)?;
            (decrypt_bytes(&bytes, &args.from, &password)?, password)
        }
    };
    let secret = Secret::from_bytes(kind, secret)?;
    secret.save(&path, &password, Existing::forced(stored.force))?;
    let shown = secret.shown(&args.name, &path);
    show_stored(&shown, stored.output.json, printer)
}

fn parse_hex(bytes: &[u8]) -> Option<[u8; 32]> {
    let text = std::str::from_utf8(bytes).ok()?.trim();
    hex::decode(text).ok()?.try_into().ok()
}

/// Standard input cannot be read twice, so what was read is what is decrypted.
fn decrypt_bytes(bytes: &[u8], from: &Path, password: &str) -> Result<[u8; 32]> {
    let what = if from == Path::new(files::STANDARD) {
        "standard input".to_owned()
    } else {
        from.display().to_string()
    };
    keystore::decrypt_json(bytes, &what, password)
}

fn export(args: &Export, printer: &mut Printer) -> Result<ExitStatus> {
    let path = KeyStore::open(args.store.keys_dir.as_deref())?.path(&args.name, kind(args.bls))?;
    if args.unencrypted {
        let password = secrets::password(args.store.password_file.as_deref(), &args.name)?;
        let secret = keystore::decrypt(&path, &password)?;
        printer.note(format_args!("{BAD}warning:{BAD:#} whoever sees this owns the key"))?;
        printer.line(hex::encode_prefixed(secret))?;
    } else {
        let bytes = keystore::read_keystore(&path)?;
        printer.line(String::from_utf8_lossy(&bytes).trim_end())?;
    }
    Ok(ExitStatus::Done)
}

fn prove(args: &Prove, printer: &mut Printer) -> Result<ExitStatus> {
    if args.weight == 0 {
        return Err(Failure::new("the weight is 0").hint("a member's weight is at least 1"));
    }
    let plan = Plan::read(&args.plan)?;
    let key = signer::bls(&args.key, &args.store)?;
    let owner = plan.deploy_plan().possession(args.account);
    let member = MemberFile::new(&owner, args.weight, &key);
    if args.out == Path::new(files::STANDARD) {
        printer.text(files::to_json(&member)?)?;
    } else {
        files::write_json(&args.out, &member, Existing::Replace)?;
        printer.note(format_args!("wrote `{}`", args.out.display()))?;
    }
    Ok(ExitStatus::Done)
}
