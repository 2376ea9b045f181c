//! A small network made in memory: its files in a folder of their own, and the command run there.

use alloy_primitives::{Address, B256, Bytes};
use fallow_ledger::{GenesisParent, Ledger, LedgerConfig, Message};
use fallow_log::{Tree, leaf_hash};
use fallow_protocol::{
    AccessGrant, AnchorChain, Announcement, AnnouncementFile, Certificate, Checkpoint, CodeHashes,
    GrantFile, Member, NetworkFile, NetworkPart, NonceFile, Parameters, Record, Request, SecretKey,
    Set, SetHash, Sidechain, Ticket, Trust, bls,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The clock at which everything holds; a whole hour.
pub(crate) const NOW: u64 = 1_899_997_200;
pub(crate) const PASSWORD: &str = "correct horse";
/// The set lives this long after `NOW`.
pub(crate) const SET_LIFE: u64 = 7 * 86_400;

pub(crate) struct World {
    folder: tempfile::TempDir,
    pub(crate) network: NetworkFile,
    pub(crate) ticket: Ticket,
    pub(crate) provider: SecretKey,
    pub(crate) requester: SecretKey,
    pub(crate) announcement: AnnouncementFile,
    pub(crate) nonce: NonceFile,
}

/// What a run of the command left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Exit code 2, nothing on standard output, one line that begins with `error:` and, maybe,
    /// one with a hint.
    #[track_caller]
    pub(crate) fn expect_failure(&self, part: &str) {
        assert_eq!(self.code, 2, "{self:?}");
        self.expect_error(part);
    }

    #[track_caller]
    pub(crate) fn expect_error(&self, part: &str) {
        assert_eq!(self.stdout, "", "{self:?}");
        let lines: Vec<_> = self.stderr.lines().collect();
        assert!(lines[0].starts_with("error: "), "{self:?}");
        assert!(lines[0].contains(part), "`{part}` in {self:?}");
        assert!(lines[1..].iter().all(|line| line.starts_with("hint: ")), "{self:?}");
        assert!(lines.len() <= 2, "{self:?}");
    }
}

/// The command, deaf to this machine's settings.
pub(crate) fn fallow(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fallow"));
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("FALLOW_")) {
        command.env_remove(name);
    }
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    command
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("TZ", "UTC")
        .env("FALLOW_KEYS", folder.join("keys"))
        .env("FALLOW_PASSWORD", PASSWORD);
    command
}

pub(crate) fn run(folder: &Path, args: &[&str]) -> Ran {
    Ran::of(fallow(folder).args(args).output().unwrap())
}

/// Runs the command with bytes on standard input.
pub(crate) fn run_with_input(folder: &Path, args: &[&str], input: &[u8]) -> Ran {
    let mut command = fallow(folder);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.args(args).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input).unwrap();
    Ran::of(child.wait_with_output().unwrap())
}

pub(crate) fn secret(seed: u8) -> SecretKey {
    SecretKey::from_bytes([seed; 32]).unwrap()
}

fn network_part(seed: u8) -> NetworkPart {
    NetworkPart {
        sidechain: Sidechain {
            chain_id: 10,
            registry: Address::repeat_byte(0xa1),
            bulletin: Address::repeat_byte(0xa2),
            block: 1,
        },
        anchor_chain: AnchorChain { chain_id: 20, anchor: Address::repeat_byte(0xb1), block: 1 },
        random: B256::repeat_byte(seed),
        parameters: Parameters {
            checkpoint_interval: 1,
            heartbeat: 10,
            challenge_period: 600,
            query_deadline: 600,
            ring_size: 64,
            writers: vec![],
        },
        code_hashes: CodeHashes {
            registry: B256::repeat_byte(1),
            bulletin: B256::repeat_byte(2),
            anchor: B256::repeat_byte(3),
        },
    }
}

fn bls_keys() -> Vec<bls::SecretKey> {
    (1..=4).map(|seed| bls::SecretKey::generate(&[seed; 32]).unwrap()).collect()
}

fn set_of(part: &NetworkPart) -> Set {
    let members = bls_keys().into_iter().zip(1..).map(|(key, seed)| Member {
        address: Address::repeat_byte(seed),
        weight: 1,
        key: key.public_key(),
    });
    Set::new(part.network().id(), 1, NOW + SET_LIFE, members.collect()).unwrap()
}

fn certify(set: &Set, checkpoint: &Checkpoint) -> Certificate {
    let keys = bls_keys();
    // Three of four are a quorum.
    let shares: BTreeMap<_, _> =
        keys[..3].iter().map(|key| key.sign(checkpoint.digest())).enumerate().collect();
    Certificate::aggregate(set, &shares).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_seed(7)
    }

    /// Worlds of different seeds are different networks with the same people.
    pub(crate) fn with_seed(seed: u8) -> Self {
        let part = network_part(seed);
        let set = set_of(&part);
        let trust = Trust { era: 0, set_number: 1, set_hash: set.hash(), checkpoint: None };
        let network = NetworkFile::new(part, trust);
        let (provider, requester) = (secret(1), secret(2));
        let announcement = announcement(&network, &provider);
        let ticket = ticket(&network, &set, &announcement, &requester);
        let nonce = NonceFile {
            version: 1,
            network_id: network.network_id,
            provider: provider.address(),
            nonce: B256::repeat_byte(0x55),
        };
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
            network,
            ticket,
            provider,
            requester,
            announcement,
            nonce,
        };
        world.write_all(&set);
        world
    }

    fn write_all(&self, set: &Set) {
        self.write_json("network.json", &self.network);
        self.write(&self.network.set_file_name(), &set.encode());
        self.write("t.ticket", &self.ticket.encode());
        self.write_json("ticket.json", &self.ticket);
        self.write_json("announcement.json", &self.announcement);
        self.write_json("nonce.json", &self.nonce);
        self.write_json("grant.json", &self.grant());
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn write_json(&self, name: &str, value: &impl Serialize) {
        self.write(name, &serde_json::to_vec(value).unwrap());
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        run(self.folder(), args)
    }

    /// A grant of the requester's that answers the nonce.
    pub(crate) fn grant(&self) -> GrantFile {
        let fallow_protocol::Body::Allocation(body) = &self.ticket.record.body else {
            unreachable!("the ticket is of an allocation");
        };
        self.sign(AccessGrant {
            request_id: body.request_id(&self.network.domain()),
            provider: self.provider.address(),
            nonce: self.nonce.nonce,
            expires_at: NOW + 300,
            session_key: B256::ZERO,
        })
    }

    pub(crate) fn sign(&self, grant: AccessGrant) -> GrantFile {
        GrantFile {
            version: 1,
            network_id: self.network.network_id,
            grant,
            signature: self.requester.sign(grant.id(&self.network.domain())),
        }
    }
}

fn announcement(network: &NetworkFile, provider: &SecretKey) -> AnnouncementFile {
    let announcement = Announcement {
        provider: provider.address(),
        approver: Address::ZERO,
        volume: 4,
        start_time: NOW,
        end_time: NOW + 24 * 3_600,
        slot_seconds: 3_600,
        notice_seconds: 3_600,
        timestamp: NOW,
        offer: B256::repeat_byte(9),
    };
    AnnouncementFile {
        version: 1,
        network_id: network.network_id,
        announcement,
        signature: provider.sign(announcement.id(&network.domain()).0),
    }
}

fn ticket(
    network: &NetworkFile,
    set: &Set,
    offered: &AnnouncementFile,
    requester: &SecretKey,
) -> Ticket {
    let config = LedgerConfig {
        network_id: network.network_id,
        registry: network.network.sidechain.registry,
        writers: vec![],
        parent: GenesisParent::default(),
    };
    let (mut ledger, genesis) = Ledger::new(config, NOW - 20);
    let signatures = Bytes::copy_from_slice(offered.signature.0.as_slice());
    let announced = ledger
        .apply(&Message::Announce { announcement: offered.announcement, signatures }, NOW - 10)
        .unwrap();
    let domain = network.domain();
    let request = Request {
        resource_id: offered.announcement.id(&domain),
        requester: requester.address(),
        volume: 2,
        start_time: NOW,
        end_time: NOW + 7_200,
        timestamp: NOW,
        sequence: 1,
    };
    let signature = requester.sign(request.id(&domain).0);
    let signatures = Bytes::copy_from_slice(signature.0.as_slice());
    let allocated = ledger.apply(&Message::Request { request, signatures }, NOW).unwrap();
    prove(network, set, &[genesis, announced.record, allocated.record], signature)
}

/// A ticket of the last record.
fn prove(
    network: &NetworkFile,
    set: &Set,
    records: &[Record],
    signature: fallow_protocol::Signature,
) -> Ticket {
    let mut tree = Tree::new();
    for record in records {
        tree.push(leaf_hash(&record.encode())).unwrap();
    }
    let (record, size) = (records.last().unwrap().clone(), records.len() as u64);
    let checkpoint = Checkpoint {
        network_id: network.network_id,
        era: 0,
        set_number: 1,
        block_number: 12,
        block_hash: B256::repeat_byte(0xcc),
        block_time: NOW + 5,
        size,
        root: tree.root(),
        next_set: SetHash::ZERO,
    };
    Ticket {
        path: tree.prove_inclusion(record.index, size).unwrap(),
        record,
        evidence: fallow_protocol::Evidence::of(signature).encode(),
        checkpoint,
        certificate: certify(set, &checkpoint),
    }
}
