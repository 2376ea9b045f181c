//! A resource as one storage word (section 5).

use crate::Announcement;
use alloy_primitives::U256;

const HAS_APPROVER: u8 = 1;
const WITHDRAWN: u8 = 2;

/// What the ledger keeps of a recorded announcement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ResourceWord {
    /// Units in every slot.
    pub volume: u16,
    /// Start of the first slot, unix seconds, below 2^40.
    pub start_time: u64,
    /// End of the last slot, unix seconds, below 2^40.
    pub end_time: u64,
    /// Length of a slot, seconds.
    pub slot_seconds: u32,
    /// How long before a slot starts it can still be released, seconds.
    pub notice_seconds: u32,
    /// Index of the announcement's record; 0 if it is not recorded.
    pub index: u64,
    /// Whether requests need an approver's signature.
    pub has_approver: bool,
    /// Whether the provider has closed it.
    pub withdrawn: bool,
}

impl ResourceWord {
    /// The word of an announcement that is recorded at `index`.
    #[must_use]
    pub fn of(announcement: &Announcement, index: u64) -> Self {
        Self {
            volume: announcement.volume,
            start_time: announcement.start_time,
            end_time: announcement.end_time,
            slot_seconds: announcement.slot_seconds,
            notice_seconds: announcement.notice_seconds,
            index,
            has_approver: !announcement.approver.is_zero(),
            withdrawn: false,
        }
    }

    /// The word as storage has it.
    #[must_use]
    pub fn to_word(&self) -> U256 {
        let approver = if self.has_approver { HAS_APPROVER } else { 0 };
        let withdrawn = if self.withdrawn { WITHDRAWN } else { 0 };
        let mut bytes = [0; 32];
        bytes[..2].copy_from_slice(&self.volume.to_be_bytes());
        bytes[2..7].copy_from_slice(&self.start_time.to_be_bytes()[3..]);
        bytes[7..12].copy_from_slice(&self.end_time.to_be_bytes()[3..]);
        bytes[12..16].copy_from_slice(&self.slot_seconds.to_be_bytes());
        bytes[16..20].copy_from_slice(&self.notice_seconds.to_be_bytes());
        bytes[20..28].copy_from_slice(&self.index.to_be_bytes());
        bytes[31] = approver | withdrawn;
        U256::from_be_bytes(bytes)
    }

    /// Reads a storage word; flags of later versions are passed over.
    #[must_use]
    pub fn from_word(word: U256) -> Self {
        let bytes: [u8; 32] = word.to_be_bytes();
        let number = |range: std::ops::Range<usize>| {
            bytes[range].iter().fold(0_u64, |value, byte| (value << 8) | u64::from(*byte))
        };
        let flags = bytes[31];
        Self {
            volume: u16::from_be_bytes([bytes[0], bytes[1]]),
            start_time: number(2..7),
            end_time: number(7..12),
            slot_seconds: u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]),
            notice_seconds: u32::from_be_bytes([bytes[16], bytes[17], bytes[18], bytes[19]]),
            index: number(20..28),
            has_approver: flags & HAS_APPROVER != 0,
            withdrawn: flags & WITHDRAWN != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_the_layout_of_the_specification() {
        let word = ResourceWord {
            volume: 0x0102,
            start_time: 0x03_0405_0607,
            end_time: 0x08_090a_0b0c,
            slot_seconds: 0x0d0e_0f10,
            notice_seconds: 0x1112_1314,
            index: 0x1516_1718_191a_1b1c,
            has_approver: true,
            withdrawn: true,
        };
        let bytes: [u8; 32] = word.to_word().to_be_bytes();
        let mut expected: Vec<u8> = (1..=0x1c).collect();
        expected.extend([0, 0, 0, 3]);
        assert_eq!(bytes.as_slice(), expected);
        assert_eq!(ResourceWord::from_word(U256::from_be_bytes(bytes)), word);
    }
}
