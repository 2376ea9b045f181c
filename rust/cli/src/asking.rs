//! From what a person asks for to a signed request: whole slots, the next sequence, a signature.

use crate::args::request::Ask;
use crate::chain::Sidechain;
use crate::error::{Failure, Result};
use crate::findings::Findings;
use crate::grid::{self, Grid, Span};
use crate::refused::Checked;
use fallow_chain::Registry;
use fallow_protocol::{
    Announcement, AnnouncementFile, FILE_VERSION, NetworkFile, Request, RequestFile, ResourceId,
    SecretKey,
};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    /// The resource.
    pub(crate) id: ResourceId,
    /// Its slots, if anybody says what they are.
    grid: Option<Grid>,
    /// Its announcement, if it is not recorded yet.
    pub(crate) carried: Option<AnnouncementFile>,
}

impl Target {
    /// A resource that should be recorded.
    pub(crate) async fn recorded(side: &Sidechain, id: ResourceId) -> Result<Self> {
        let resource = side.registry(&Registry::resourceOfCall { resourceId: id.0 }).await?;
        let grid = Grid::new(resource.startTime, resource.endTime, resource.slotSeconds);
        Ok(Self { id, grid, carried: None })
    }

    /// A resource of these terms, which were verified; with its announcement, if nobody recorded it.
    pub(crate) fn of(
        id: ResourceId,
        terms: &Announcement,
        carried: Option<AnnouncementFile>,
    ) -> Self {
        let grid = Grid::new(terms.start_time, terms.end_time, terms.slot_seconds);
        Self { id, grid, carried }
    }

    /// A resource whose announcement is at hand, recorded or not.
    pub(crate) async fn brought(side: &Sidechain, file: &AnnouncementFile) -> Result<Self> {
        let id = file.announcement.id(&side.file.domain());
        let resource = side.registry(&Registry::resourceOfCall { resourceId: id.0 }).await?;
        Ok(Self::of(id, &file.announcement, (resource.index == 0).then_some(*file)))
    }
}

/// Builds and signs the request that `ask` means at `now`.
pub(crate) async fn sign(
    side: &Sidechain,
    target: &Target,
    ask: &Ask,
    key: &SecretKey,
    now: u64,
) -> Result<Checked<RequestFile>> {
    let sequence = match ask.sequence {
        Some(sequence) => sequence,
        None => next_sequence(side, key).await?,
    };
    sign_as(&side.file, target, ask, &Signer { key, sequence }, now)
}

/// Who signs a request, as which of its requests.
#[derive(Debug)]
pub(crate) struct Signer<'a> {
    pub(crate) key: &'a SecretKey,
    pub(crate) sequence: u64,
}

/// As [`sign`], with a sequence at hand.
pub(crate) fn sign_as(
    network: &NetworkFile,
    target: &Target,
    ask: &Ask,
    signer: &Signer<'_>,
    now: u64,
) -> Result<Checked<RequestFile>> {
    let volume = ask.volume.ok_or_else(|| {
        Failure::new("nobody says how many units are wanted").hint("`--volume UNITS` does")
    })?;
    let span = Span { start: &ask.start, length: ask.length };
    let (start_time, end_time) = match grid::window(target.grid, span, now)? {
        Ok(window) => window,
        Err(refused) => return Ok(Err(refused)),
    };
    let Signer { key, sequence } = *signer;
    let request = Request {
        resource_id: target.id,
        requester: key.address(),
        volume,
        start_time,
        end_time,
        timestamp: now,
        sequence,
    };
    Ok(Ok(RequestFile {
        version: FILE_VERSION,
        network_id: network.network_id,
        request,
        signature: key.sign(request.id(&network.domain()).0),
        approval: None,
    }))
}

/// The signatures of a request as the registry takes them: the requester's, then the approver's.
pub(crate) fn signatures(file: &RequestFile) -> Vec<u8> {
    let approval = file.approval.iter().flat_map(|approval| approval.0);
    file.signature.0.into_iter().chain(approval).collect()
}

/// What the five checks find at the latest block.
pub(crate) async fn check(side: &Sidechain, file: &RequestFile, now: u64) -> Result<Findings> {
    let signatures = signatures(file).into();
    let call = Registry::checkCall { message: file.request.into(), signatures };
    Ok(Findings::new(side.registry(&call).await?, now))
}

async fn next_sequence(side: &Sidechain, key: &SecretKey) -> Result<u64> {
    let seen = side.registry(&Registry::requesterOfCall { requester: key.address() }).await?;
    after(seen.highest)
}

/// The sequence after the highest that was seen.
pub(crate) fn after(highest: u64) -> Result<u64> {
    highest.checked_add(1).ok_or_else(|| {
        Failure::refused("this requester's highest sequence is used")
            .hint("name an unused one of the last 128 with `--sequence`")
    })
}
