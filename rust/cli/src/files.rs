//! Reading files of strangers with a bound, and writing files whole or not at all.

use crate::args::TrustArgs;
use crate::error::{Context, Failure, Result};
use fallow_protocol::{FILE_MAX_BYTES, NetworkFile, SET_MAX_BYTES, Set, read_json};
use serde::{Serialize, de::DeserializeOwned};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

/// Stands for standard input or output where a file is expected.
pub(crate) const STANDARD: &str = "-";

/// Reads at most `limit` bytes of a file, or of standard input for `-`.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>> {
    let cannot = || format!("cannot read `{}`", path.display());
    let bytes = if path == Path::new(STANDARD) {
        take(std::io::stdin().lock(), limit)
    } else {
        File::open(path).and_then(|file| take(file, limit))
    };
    let bytes = bytes.context(cannot()).map_err(|failure| {
        failure.hint("check the path; `-` reads standard input where a message is expected")
    })?;
    if bytes.len() > limit {
        let message = format!("`{}` has more than {limit} bytes", path.display());
        return Err(Failure::new(message).hint("no file of this kind is that long; check the path"));
    }
    Ok(bytes)
}

/// Reads one byte more than allowed, so that the caller sees that there was more.
fn take(from: impl Read, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    from.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads a versioned JSON file (`docs/protocol.md` section 1); `kind` names it in errors.
pub(crate) fn read_message<T: DeserializeOwned>(path: &Path, kind: &str) -> Result<T> {
    let bytes = read(path, FILE_MAX_BYTES)?;
    parse_message(&bytes, path, kind)
}

/// As [`read_message`], with the bytes at hand.
pub(crate) fn parse_message<T: DeserializeOwned>(
    bytes: &[u8],
    path: &Path,
    kind: &str,
) -> Result<T> {
    read_json(bytes).context(format_args!("`{}` is no {kind}", path.display())).map_err(|failure| {
        let article = article(kind);
        failure.hint(format_args!("expected the JSON form of {article} {kind}"))
    })
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// Reads a network file.
pub(crate) fn read_network(path: &Path) -> Result<NetworkFile> {
    let bytes = read(path, FILE_MAX_BYTES).map_err(|failure| {
        failure.hint("`--network FILE` or the variable FALLOW_NETWORK names the network file")
    })?;
    NetworkFile::read(&bytes)
        .context(format_args!("`{}` is no network file", path.display()))
        .map_err(|failure| failure.hint("ask whoever runs the network for its network file"))
}

/// Reads the set that a network file trusts, and compares its hash. It is named, or by convention
/// beside the network file.
pub(crate) fn read_set(args: &TrustArgs, network: &NetworkFile) -> Result<Set> {
    let beside = || args.network.network.with_file_name(network.set_file_name());
    let path = args.set.clone().unwrap_or_else(beside);
    let hint = "`--set FILE` names the network's set file";
    let bytes = read(&path, SET_MAX_BYTES).map_err(|failure| failure.hint(hint))?;
    let not = || format!("`{}` is no set file", path.display());
    let set = Set::decode(&bytes).context(not()).map_err(|failure| failure.hint(hint))?;
    let (got, want) = (set.hash(), network.trust.set_hash);
    if got != want {
        let message = format!("`{}` holds the set {got}", path.display());
        return Err(Failure::new(message).hint(format_args!(
            "the network file trusts the set {want}; pass that one with `--set`"
        )));
    }
    Ok(set)
}

/// What may happen to a file that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    /// It is written anew.
    Replace,
    /// It stays, and we say so.
    Keep,
}

impl Existing {
    /// What `--force` says.
    pub(crate) const fn forced(force: bool) -> Self {
        if force { Self::Replace } else { Self::Keep }
    }
}

/// Writes a file that others may read, whole or not at all.
pub(crate) fn write(path: &Path, bytes: &[u8], existing: Existing) -> Result<()> {
    // The usual mode of new files, of which the system takes the user's mask.
    write_with_mode(path, bytes, existing, 0o666)
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8], existing: Existing) -> Result<()> {
    write_with_mode(path, bytes, existing, 0o600)
}

/// A temporary file beside the file is synced and renamed.
fn write_with_mode(path: &Path, bytes: &[u8], existing: Existing, mode: u32) -> Result<()> {
    if path == Path::new(STANDARD) {
        return Err(Failure::new("`-` is no file name: standard output carries the result")
            .hint("name a file; `./-` is one of that name"));
    }
    let cannot = format!("cannot write `{}`", path.display());
    let folder = folder_of(path);
    let file = std::fs::create_dir_all(folder).and_then(|()| temporary(mode).tempfile_in(folder));
    let mut file = file
        .context(&cannot)
        .map_err(|failure| failure.hint("name a file in a folder that you may write to"))?;
    file.write_all(bytes).context(&cannot)?;
    file.as_file().sync_all().context(&cannot)?;
    match existing {
        Existing::Replace => drop(file.persist(path).map_err(|e| e.error).context(&cannot)?),
        Existing::Keep => {
            file.persist_noclobber(path).map_err(|error| keep_failure(path, &error.error))?;
        }
    }
    sync_folder(folder).context(&cannot)
}

#[cfg(unix)]
fn temporary(mode: u32) -> tempfile::Builder<'static, 'static> {
    use std::os::unix::fs::PermissionsExt;
    let mut builder = tempfile::Builder::new();
    builder.permissions(std::fs::Permissions::from_mode(mode));
    builder
}

#[cfg(not(unix))]
fn temporary(_mode: u32) -> tempfile::Builder<'static, 'static> {
    tempfile::Builder::new()
}

fn keep_failure(path: &Path, error: &std::io::Error) -> Failure {
    if error.kind() == std::io::ErrorKind::AlreadyExists {
        return Failure::new(format_args!("`{}` is there already", path.display()))
            .hint("choose another name, or pass `--force` to lose what it holds");
    }
    Failure::new(format_args!("cannot write `{}`: {error}", path.display()))
}

/// The folder that a file stands in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A rename is durable only when its folder is.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> std::io::Result<()> {
    Ok(())
}

/// JSON as we write it to files: indented, with a newline at the end.
pub(crate) fn to_json(value: &impl Serialize) -> Result<String> {
    let mut text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    text.push('\n');
    Ok(text)
}

/// Writes JSON to a file.
pub(crate) fn write_json(path: &Path, value: &impl Serialize, existing: Existing) -> Result<()> {
    write(path, to_json(value)?.as_bytes(), existing)
}
