//! From what a person asks for to a signed request: whole slots, the next sequence, a signature.

use crate::args::message::Ask;
use crate::chain::Sidechain;
use crate::error::{Failure, Result};
use crate::findings::Findings;
use fallow_chain::Registry;
use fallow_protocol::{FILE_VERSION, Request, RequestFile, SecretKey};

/// Builds and signs the request that `ask` means at `now`.
pub(crate) async fn sign(
    side: &Sidechain,
    ask: &Ask,
    key: &SecretKey,
    now: u64,
) -> Result<RequestFile> {
    let resource_id = ask.resource;
    let resource = side.registry(&Registry::resourceOfCall { resourceId: resource_id.0 }).await?;
    let (start_time, end_time) = window(ask, &resource, now)?;
    let sequence = match ask.sequence {
        Some(sequence) => sequence,
        None => next_sequence(side, key).await?,
    };
    let request = Request {
        resource_id,
        requester: key.address(),
        volume: ask.volume,
        start_time,
        end_time,
        timestamp: now,
        sequence,
    };
    Ok(RequestFile {
        version: FILE_VERSION,
        network_id: side.file.network_id,
        request,
        signature: key.sign(request.id(&side.file.domain()).0),
        approval: None,
    })
}

/// What the five checks find at the latest block.
pub(crate) async fn check(side: &Sidechain, file: &RequestFile, now: u64) -> Result<Findings> {
    let call =
        Registry::checkCall { message: file.request.into(), signatures: file.signature.0.into() };
    Ok(Findings::new(side.registry(&call).await?, now))
}

async fn next_sequence(side: &Sidechain, key: &SecretKey) -> Result<u64> {
    let seen = side.registry(&Registry::requesterOfCall { requester: key.address() }).await?;
    seen.highest.checked_add(1).ok_or_else(|| {
        Failure::refused("this requester's highest sequence is used")
            .hint("name an unused one of the last 128 with `--sequence`")
    })
}

/// Whole slots that cover what was asked for. A resource that is not recorded has none; its request
/// is refused by the second check.
fn window(ask: &Ask, resource: &Registry::Resource, now: u64) -> Result<(u64, u64)> {
    let start = ask.start.at(now);
    let end = start.checked_add(ask.length.0);
    let end = end.ok_or_else(|| Failure::new("the window ends too late"))?;
    let slot = u64::from(resource.slotSeconds);
    let into = |time: u64| time.checked_sub(resource.startTime)?.checked_rem(slot);
    let start = start.saturating_sub(into(start).unwrap_or(0));
    let end = match into(end) {
        None | Some(0) => end,
        Some(over) => end.saturating_add(slot.saturating_sub(over)),
    };
    Ok((start, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DurationArg, TimeArg};
    use fallow_protocol::ResourceId;

    fn window_of(start: u64, length: u64, slot: u32) -> (u64, u64) {
        let ask = Ask {
            resource: ResourceId::ZERO,
            volume: 1,
            start: TimeArg::At(start),
            length: DurationArg(length),
            sequence: None,
        };
        let resource = Registry::Resource {
            volume: 4,
            startTime: 1_000,
            endTime: 9_000,
            slotSeconds: slot,
            noticeSeconds: 0,
            index: 1,
            hasApprover: false,
            withdrawn: false,
        };
        window(&ask, &resource, 0).unwrap()
    }

    #[test]
    fn slots_cover_what_was_asked() {
        assert_eq!(window_of(1_000, 100, 100), (1_000, 1_100));
        assert_eq!(window_of(1_050, 100, 100), (1_000, 1_200));
        assert_eq!(window_of(1_099, 1, 100), (1_000, 1_100));
        assert_eq!(window_of(1_100, 0, 100), (1_100, 1_100), "an empty window is refused later");
    }

    #[test]
    fn times_outside_every_grid_stay_as_they_are() {
        assert_eq!(window_of(500, 100, 100), (500, 600));
        assert_eq!(window_of(1_050, 100, 0), (1_050, 1_150));
    }
}
