//! Who takes part: keys that anybody can derive.

use crate::dice::Dice;
use alloy_primitives::{Address, B256, U256};
use fallow_devnet::DevAccount;
use fallow_protocol::{SecretKey, Signature};
use std::collections::HashMap;

/// So few that each has a history, so many that no sequence window fills up.
const PROVIDERS: usize = 12;
const REQUESTERS: usize = 80;
const APPROVERS: usize = 4;

/// One key pair. The address is kept: to derive it costs as much as a signature.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    key: SecretKey,
    pub(crate) address: Address,
}

impl Actor {
    fn new(role: &str, number: usize) -> Self {
        let account = DevAccount::new(&format!("{role}-{number}"));
        Self { key: account.key().clone(), address: account.address() }
    }

    pub(crate) fn sign(&self, digest: B256) -> Signature {
        self.key.sign(digest)
    }
}

/// All of them.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) providers: Vec<Actor>,
    pub(crate) requesters: Vec<Actor>,
    pub(crate) approvers: Vec<Actor>,
    /// Signs for others.
    pub(crate) forger: Actor,
    by_address: HashMap<Address, Actor>,
}

impl Cast {
    pub(crate) fn new() -> Self {
        let role = |name: &str, count| (1..=count).map(|number| Actor::new(name, number)).collect();
        let providers: Vec<Actor> = role("provider", PROVIDERS);
        let requesters: Vec<Actor> = role("requester", REQUESTERS);
        let approvers: Vec<Actor> = role("approver", APPROVERS);
        let all = providers.iter().chain(&requesters).chain(&approvers);
        let by_address = all.map(|actor| (actor.address, actor.clone())).collect();
        Self { providers, requesters, approvers, forger: Actor::new("forger", 1), by_address }
    }

    /// Who has an address; the forger, if nobody.
    pub(crate) fn of(&self, address: Address) -> &Actor {
        self.by_address.get(&address).unwrap_or(&self.forger)
    }
}

/// What can be wrong with one signature.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    Parity,
    HighS,
    ZeroR,
    ZeroS,
    BitFlipped,
    Random,
}

/// Spoils a signature in one of the ways of `docs/protocol.md` section 3.1.
pub(crate) fn spoil(dice: &mut Dice, signature: &Signature) -> Signature {
    let mut bytes = signature.0.0;
    let flaws =
        [Flaw::Parity, Flaw::HighS, Flaw::ZeroR, Flaw::ZeroS, Flaw::BitFlipped, Flaw::Random];
    match dice.one_of(flaws) {
        Flaw::Parity => bytes[32] ^= 0x80,
        Flaw::HighS => bytes[32..].copy_from_slice(&high_s(dice)),
        Flaw::ZeroR => bytes[..32].fill(0),
        Flaw::ZeroS => bytes[32..].fill(0),
        Flaw::BitFlipped => bytes[dice.place(64)] ^= 1 << dice.below(8),
        Flaw::Random => {
            for byte in &mut bytes {
                *byte = dice.any() as u8;
            }
        }
    }
    bytes.into()
}

/// An `s` just above half of the group order, or the largest that EIP-2098 has room for.
fn high_s(dice: &mut Dice) -> [u8; 32] {
    let half_order = U256::from_be_bytes([
        0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4, 0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b,
        0x20, 0xa0,
    ]);
    let largest = U256::MAX >> 1;
    let high = if dice.percent(50) { half_order + U256::ONE } else { largest };
    high.to_be_bytes()
}
