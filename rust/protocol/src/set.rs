//! Validator sets (section 9).

use crate::bls::{KEY_BYTES, PublicKey};
use crate::bytes::{Reader, bounded};
use crate::{DecodeError, NetworkId, SetHash};
use alloy_primitives::{Address, keccak256};
use std::collections::HashSet;

/// At most so many members.
pub const MAX_MEMBERS: usize = 512;
/// Bytes of the longest set file.
pub const SET_MAX_BYTES: usize = SET_HEADER_BYTES + MAX_MEMBERS * MEMBER_BYTES;

const SET_HEADER_BYTES: usize = 58;
const MEMBER_BYTES: usize = 20 + 8 + KEY_BYTES;

/// One validator of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The account that posts its shares.
    pub address: Address,
    /// Its share of the votes, at least 1.
    pub weight: u64,
    /// Its key.
    pub key: PublicKey,
}

/// Why members are no set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SetError {
    /// The bytes are no set.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// There is no member, or there are too many.
    #[error("a set has 1 to {MAX_MEMBERS} members, this one {0}")]
    Members(usize),
    /// Members are not strictly ascending by address.
    #[error("member {0} is not above the one before it")]
    Order(usize),
    /// A member has no weight.
    #[error("member {0} has no weight")]
    Weight(usize),
    /// Two members have the same key.
    #[error("member {0} has the key of another one")]
    Key(usize),
    /// The total is not the sum of the weights.
    #[error("total weight is {got}, the members' is {want}")]
    Total {
        /// Total that the file states.
        got: u64,
        /// Sum of the weights, saturating.
        want: u64,
    },
    /// The keys sum up to infinity.
    #[error("the keys cancel each other out")]
    Aggregate,
}

/// A numbered list of validators with an expiry. Keys are decoded and summed up once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    network_id: NetworkId,
    number: u64,
    not_after: u64,
    total: u64,
    members: Vec<Member>,
    aggregate: PublicKey,
    hash: SetHash,
}

impl Set {
    /// A set of `members`, which must be strictly ascending by address.
    ///
    /// # Errors
    /// Names the first rule of section 9 that is broken.
    pub fn new(
        network_id: NetworkId,
        number: u64,
        not_after: u64,
        members: Vec<Member>,
    ) -> Result<Self, SetError> {
        if members.is_empty() || members.len() > MAX_MEMBERS {
            return Err(SetError::Members(members.len()));
        }
        check_members(&members)?;
        let total = total_weight(&members)?;
        let keys = members.iter().map(|member| &member.key);
        let aggregate = PublicKey::sum(keys).ok_or(SetError::Aggregate)?;
        let mut set =
            Self { network_id, number, not_after, total, members, aggregate, hash: SetHash::ZERO };
        set.hash = keccak256([b"fallow.set.v1".as_slice(), &set.encode()].concat()).into();
        Ok(set)
    }

    /// The network.
    #[must_use]
    pub const fn network_id(&self) -> NetworkId {
        self.network_id
    }

    /// The set's number, from 1.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Last second at which anybody may verify with the set, unix.
    #[must_use]
    pub const fn not_after(&self) -> u64 {
        self.not_after
    }

    /// Sum of the weights.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// The members, ascending by address.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Sum of all keys.
    #[must_use]
    pub const fn aggregate(&self) -> &PublicKey {
        &self.aggregate
    }

    /// The set's hash.
    #[must_use]
    pub const fn hash(&self) -> SetHash {
        self.hash
    }

    /// Position of the member with this account.
    #[must_use]
    pub fn position(&self, address: Address) -> Option<usize> {
        self.members.binary_search_by_key(&address, |member| member.address).ok()
    }

    /// Whether `weight` is a quorum: more than two thirds of the total.
    #[must_use]
    pub fn is_quorum(&self, weight: u64) -> bool {
        3 * u128::from(weight) > 2 * u128::from(self.total)
    }

    /// The bytes of a set file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = self.network_id.as_slice().to_vec();
        for value in [self.number, self.not_after, self.total] {
            out.extend(value.to_be_bytes());
        }
        // new() bounds the number of members to 512.
        out.extend(u16::try_from(self.members.len()).unwrap_or(u16::MAX).to_be_bytes());
        for member in &self.members {
            out.extend(member.address);
            out.extend(member.weight.to_be_bytes());
            out.extend(member.key.to_eip2537());
        }
        out
    }

    /// Reads a set file.
    ///
    /// # Errors
    /// When the bytes are none, or break a rule of section 9.
    pub fn decode(bytes: &[u8]) -> Result<Self, SetError> {
        bounded("set", bytes.len(), SET_HEADER_BYTES, SET_MAX_BYTES)?;
        let mut reader = Reader::new(bytes);
        let network_id = reader.take("networkId")?;
        let (number, not_after) = (reader.u64("number")?, reader.u64("notAfter")?);
        let (total, count) = (reader.u64("total")?, usize::from(reader.u16("n")?));
        if count > MAX_MEMBERS {
            return Err(SetError::Members(count));
        }
        let members =
            (0..count).map(|_| read_member(&mut reader)).collect::<Result<Vec<_>, _>>()?;
        reader.finish()?;
        let set = Self::new(network_id, number, not_after, members)?;
        if set.total != total {
            return Err(SetError::Total { got: total, want: set.total });
        }
        Ok(set)
    }
}

fn read_member(reader: &mut Reader<'_>) -> Result<Member, DecodeError> {
    let address = reader.take("address")?;
    let weight = reader.u64("weight")?;
    let key: [u8; KEY_BYTES] = reader.take("key")?;
    Ok(Member { address, weight, key: PublicKey::from_eip2537(&key)? })
}

fn check_members(members: &[Member]) -> Result<(), SetError> {
    let mut keys = HashSet::new();
    let mut before: Option<Address> = None;
    for (position, member) in members.iter().enumerate() {
        if before.is_some_and(|before| before >= member.address) {
            return Err(SetError::Order(position));
        }
        if member.weight == 0 {
            return Err(SetError::Weight(position));
        }
        if !keys.insert(member.key.to_eip2537()) {
            return Err(SetError::Key(position));
        }
        before = Some(member.address);
    }
    Ok(())
}

fn total_weight(members: &[Member]) -> Result<u64, SetError> {
    members
        .iter()
        .try_fold(0_u64, |sum, member| sum.checked_add(member.weight))
        .ok_or(SetError::Total { got: u64::MAX, want: u64::MAX })
}
