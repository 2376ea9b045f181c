//! Bindings of the three contracts, made from `abi/<Name>.json`, and conversions between their
//! structs and those of `fallow-protocol`.

use alloy_primitives::U256;
use fallow_protocol as protocol;
use fallow_protocol::{Code, Refusal};

/// What the macro writes: one module for each contract, with calls, events, errors and structs.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::arithmetic_side_effects,
    clippy::or_fun_call,
    clippy::redundant_clone,
    clippy::use_self,
    reason = "generated code"
)]
mod generated {
    alloy::sol!(
        #[derive(Debug, PartialEq, Eq)]
        #[sol(rpc)]
        Registry,
        "abi/Registry.json"
    );
    alloy::sol!(
        #[derive(Debug, PartialEq, Eq)]
        #[sol(rpc)]
        Bulletin,
        "abi/Bulletin.json"
    );
    alloy::sol!(
        #[derive(Debug, PartialEq, Eq)]
        #[sol(rpc)]
        Anchor,
        "abi/Anchor.json"
    );
}
pub use generated::{Anchor, Bulletin, Registry};

impl From<protocol::Announcement> for Registry::Announcement {
    fn from(announcement: protocol::Announcement) -> Self {
        Self {
            provider: announcement.provider,
            approver: announcement.approver,
            volume: announcement.volume,
            startTime: announcement.start_time,
            endTime: announcement.end_time,
            slotSeconds: announcement.slot_seconds,
            noticeSeconds: announcement.notice_seconds,
            timestamp: announcement.timestamp,
            offer: announcement.offer,
        }
    }
}

impl From<Registry::Announcement> for protocol::Announcement {
    fn from(announcement: Registry::Announcement) -> Self {
        Self {
            provider: announcement.provider,
            approver: announcement.approver,
            volume: announcement.volume,
            start_time: announcement.startTime,
            end_time: announcement.endTime,
            slot_seconds: announcement.slotSeconds,
            notice_seconds: announcement.noticeSeconds,
            timestamp: announcement.timestamp,
            offer: announcement.offer,
        }
    }
}

impl From<protocol::Request> for Registry::Request {
    fn from(request: protocol::Request) -> Self {
        Self {
            resourceId: request.resource_id.0,
            requester: request.requester,
            volume: request.volume,
            startTime: request.start_time,
            endTime: request.end_time,
            timestamp: request.timestamp,
            sequence: request.sequence,
        }
    }
}

impl From<protocol::Release> for Registry::Release {
    fn from(release: protocol::Release) -> Self {
        Self {
            requestId: release.request_id.0,
            fromTime: release.from_time,
            timestamp: release.timestamp,
        }
    }
}

impl From<protocol::Withdrawal> for Registry::Withdrawal {
    fn from(withdrawal: protocol::Withdrawal) -> Self {
        Self { resourceId: withdrawal.resource_id.0, timestamp: withdrawal.timestamp }
    }
}

impl From<protocol::Checkpoint> for Anchor::Checkpoint {
    fn from(checkpoint: protocol::Checkpoint) -> Self {
        Self {
            networkId: checkpoint.network_id.0,
            era: checkpoint.era,
            setNumber: checkpoint.set_number,
            blockNumber: checkpoint.block_number,
            blockHash: checkpoint.block_hash,
            blockTime: checkpoint.block_time,
            size: checkpoint.size,
            root: checkpoint.root,
            nextSet: checkpoint.next_set.0,
        }
    }
}

impl From<Anchor::Checkpoint> for protocol::Checkpoint {
    fn from(checkpoint: Anchor::Checkpoint) -> Self {
        Self {
            network_id: checkpoint.networkId.into(),
            era: checkpoint.era,
            set_number: checkpoint.setNumber,
            block_number: checkpoint.blockNumber,
            block_hash: checkpoint.blockHash,
            block_time: checkpoint.blockTime,
            size: checkpoint.size,
            root: checkpoint.root,
            next_set: checkpoint.nextSet.into(),
        }
    }
}

/// A refusal as `IRegistry.check` answers it; `None` for code 0, and for a code that this version
/// does not know.
#[must_use]
pub fn refusal_of(refusal: &Registry::Refusal) -> Option<Refusal> {
    let code = Code::from_number(refusal.code)?;
    Some(Refusal { code, got: refusal.got, want: refusal.want })
}

/// The refusal in the data that a call of the registry reverted with, if it is one.
#[must_use]
pub fn revert_refusal(data: &[u8]) -> Option<Refusal> {
    // Every refusal is (got, want), two words, and is named as its code is (section 15).
    let (selector, words) = data.split_first_chunk::<4>()?;
    let name = Registry::RegistryErrors::name_by_selector(*selector)?;
    let code = Code::ALL.iter().find(|code| code.name() == name)?;
    let (got, want) = words.split_first_chunk::<32>()?;
    let want: &[u8; 32] = want.try_into().ok()?;
    let (got, want) = (U256::from_be_bytes(*got), U256::from_be_bytes(*want));
    Some(Refusal { code: *code, got, want })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Codes of the ledger; above are those of the verifier (docs/protocol.md section 15).
    const LAST_OF_LEDGER: u16 = 599;

    #[test]
    fn every_code_of_the_ledger_is_an_error_of_the_registry() {
        let names = Registry::RegistryErrors::SELECTORS.iter().map(|selector| {
            let words = [selector.as_slice(), &[1; 32], &[2; 32]].concat();
            let refusal = revert_refusal(&words);
            refusal.inspect(|refusal| {
                assert_eq!(refusal.got, U256::from_be_bytes([1; 32]));
                assert_eq!(refusal.want, U256::from_be_bytes([2; 32]));
                assert_eq!(revert_refusal(&words[..67]), None, "cut short");
            })
        });
        let found = names.flatten().map(|refusal| refusal.code.number());
        let mut found: Vec<_> = found.collect();
        found.sort_unstable();
        let ledger = Code::ALL.iter().map(|code| code.number());
        let mut ledger: Vec<_> = ledger.filter(|number| *number <= LAST_OF_LEDGER).collect();
        ledger.sort_unstable();
        assert_eq!(found, ledger);
    }

    #[test]
    fn other_reverts_are_no_refusals() {
        assert_eq!(revert_refusal(&[]), None);
        assert_eq!(revert_refusal(&[0; 68]), None);
    }

    #[test]
    fn messages_and_checkpoints_keep_every_field() {
        let address = alloy_primitives::Address::repeat_byte;
        let announcement = protocol::Announcement {
            provider: address(1),
            approver: address(2),
            volume: 3,
            start_time: 4,
            end_time: 5,
            slot_seconds: 6,
            notice_seconds: 7,
            timestamp: 8,
            offer: [9; 32].into(),
        };
        let there = Registry::Announcement::from(announcement);
        assert_eq!(protocol::Announcement::from(there), announcement);
        let checkpoint = protocol::Checkpoint {
            network_id: [1; 32].into(),
            era: 2,
            set_number: 3,
            block_number: 4,
            block_hash: [5; 32].into(),
            block_time: 6,
            size: 7,
            root: [8; 32].into(),
            next_set: [9; 32].into(),
        };
        let there = Anchor::Checkpoint::from(checkpoint);
        assert_eq!(protocol::Checkpoint::from(there), checkpoint);
    }
}
