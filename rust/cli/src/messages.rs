//! Files of signed messages: each names its network, and is refused for another one.

use crate::error::{Failure, Result};
use crate::files;
use fallow_protocol::{
    AnnouncementFile, ApprovalFile, Code, NetworkFile, NetworkId, ReleaseFile, RequestFile,
};
use std::path::Path;

/// An announcement that somebody handed out. Its signature is the registry's to judge.
pub(crate) fn read_announcement(path: &Path, network: &NetworkFile) -> Result<AnnouncementFile> {
    let file: AnnouncementFile = files::read_message(path, "announcement file")?;
    require_network(path, file.network_id, network)?;
    Ok(file)
}

/// The provider's own announcement, whose signature is checked: a damaged file would refuse every
/// ticket.
pub(crate) fn read_own_announcement(
    path: &Path,
    network: &NetworkFile,
) -> Result<AnnouncementFile> {
    let file = read_announcement(path, network)?;
    let id = file.announcement.id(&network.domain());
    let signer = file.signature.recover_or_zero(id.0);
    if signer != file.announcement.provider {
        let what = format!("`{}` is signed by {signer}, not its provider", path.display());
        return Err(Failure::new(what).hint("use the file that `fallow announce` wrote"));
    }
    Ok(file)
}

/// A request that was signed before. Its signature is the registry's to judge.
pub(crate) fn read_request(path: &Path, network: &NetworkFile) -> Result<RequestFile> {
    let file: RequestFile = files::read_message(path, "request file")?;
    require_network(path, file.network_id, network)?;
    Ok(file)
}

/// A release that was signed before. Its signature is the registry's to judge.
pub(crate) fn read_release(path: &Path, network: &NetworkFile) -> Result<ReleaseFile> {
    let file: ReleaseFile = files::read_message(path, "release file")?;
    require_network(path, file.network_id, network)?;
    Ok(file)
}

/// An approver's answer. Its signature is the registry's to judge.
pub(crate) fn read_approval(path: &Path, network: &NetworkFile) -> Result<ApprovalFile> {
    let file: ApprovalFile = files::read_message(path, "approval file")?;
    require_network(path, file.network_id, network)?;
    Ok(file)
}

/// Refuses a file of another network.
pub(crate) fn require_network(path: &Path, got: NetworkId, network: &NetworkFile) -> Result<()> {
    if got == network.network_id {
        return Ok(());
    }
    let want = network.network_id;
    let code = Code::NetworkMismatch;
    let (number, name) = (code.number(), code.name());
    let what = format!("`{}` is for the network {got}, not {want}", path.display());
    Err(Failure::refused(format_args!("{number} {name}: {what}"))
        .hint("`--network FILE` names the network file"))
}
