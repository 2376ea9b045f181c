//! A network with messages for it.

use alloy_primitives::{Address, B256, Bytes};
use fallow_chain::{Client, Finality, Follower, Limits};
use fallow_devnet::{DevAccount, Devnet, DevnetError, DevnetOptions, poll};
use fallow_ledger::{Ledger, Message};
use fallow_log::Tree;
use fallow_node::batcher::PathSource;
use fallow_node::store::types::Pending;
use fallow_protocol::{
    Announcement, Domain, Promise, PromiseFile, Release, Request, ResourceId, SecretKey, Withdrawal,
};
use std::collections::HashMap;
use std::convert::Infallible;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const SLOT: u64 = 3_600;

pub(crate) struct World {
    pub(crate) devnet: Devnet,
    pub(crate) client: Client,
    pub(crate) node: DevAccount,
    pub(crate) follower: Follower,
    pub(crate) domain: Domain,
    /// When the first slot of each resource begins.
    pub(crate) start: u64,
    pub(crate) now: u64,
    arrivals: u64,
    sequences: HashMap<Address, u64>,
    _dir: TempDir,
}

/// Paths from the follower's tree.
#[derive(Debug)]
pub(crate) struct TreePaths<'a>(pub(crate) &'a Tree);

impl PathSource for TreePaths<'_> {
    type Error = Infallible;

    fn path(&self, index: u64, size: u64) -> Result<Vec<B256>, Infallible> {
        Ok(self.0.prove_inclusion(index, size).expect("the record is in the log"))
    }
}

pub(crate) fn key(name: &str, number: u64) -> SecretKey {
    DevAccount::new(&format!("{name}-{number}")).key().clone()
}

impl World {
    pub(crate) async fn start(block_time: Duration, finality: Finality) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let node = DevAccount::new("node");
        let mut options = DevnetOptions::new(dir.path());
        options.sidechain.block_time = block_time;
        options.mainnet.block_time = Duration::from_millis(100);
        options.funded = vec![node.address()];
        let devnet = Devnet::start(&options).await.unwrap();
        let client = Client::new(devnet.sidechain.url(), Limits::default()).unwrap();
        let mut follower = Follower::new(&devnet.network, client.clone(), finality);
        let (patience, pause) = (Duration::from_secs(30), Duration::from_millis(20));
        poll("the registry's block is final", patience, pause, async || {
            let synced = follower.sync().await.map(|_| follower.ledger().map(|_| ()));
            Ok::<_, DevnetError>(synced.unwrap())
        })
        .await
        .unwrap();
        let now = client.block(client.latest().await.unwrap()).await.unwrap().time;
        let domain = devnet.network.domain();
        let start = now - now % SLOT + 24 * SLOT;
        let (arrivals, sequences) = (0, HashMap::new());
        Self { devnet, client, node, follower, domain, start, now, arrivals, sequences, _dir: dir }
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        self.follower.ledger().unwrap()
    }

    /// Resource `number` with half a year of slots.
    pub(crate) fn announcement(&self, number: u64, is_approved: bool) -> Announcement {
        let approver = key("approver", 0).address();
        Announcement {
            provider: key("provider", 0).address(),
            approver: if is_approved { approver } else { Address::ZERO },
            volume: u16::MAX,
            start_time: self.start,
            end_time: self.start + 12 * 400 * SLOT,
            slot_seconds: SLOT as u32,
            notice_seconds: 0,
            timestamp: self.now,
            offer: B256::from(alloy_primitives::U256::from(number + 1)),
        }
    }

    pub(crate) fn id(&self, announcement: &Announcement) -> ResourceId {
        announcement.id(&self.domain)
    }

    fn provide(&self, id: B256) -> Bytes {
        Bytes::copy_from_slice(key("provider", 0).sign(id).0.as_slice())
    }

    pub(crate) fn announce(&mut self, announcement: &Announcement) -> Pending {
        let signatures = self.provide(self.id(announcement).0);
        self.pend(Message::Announce { announcement: *announcement, signatures })
    }

    pub(crate) fn withdraw(&mut self, announcement: &Announcement) -> Pending {
        let withdrawal = Withdrawal { resource_id: self.id(announcement), timestamp: self.now };
        let signatures = self.provide(withdrawal.id(&self.domain));
        let announcement = *announcement;
        self.pend(Message::Withdraw { withdrawal, announcement, signatures })
    }

    /// A requester's next request for slots, which may bring its announcement.
    pub(crate) fn request(
        &mut self,
        announcement: &Announcement,
        requester: u64,
        slots: std::ops::Range<u64>,
        is_carried: bool,
    ) -> Pending {
        let requester = key("requester", requester);
        let sequence = self.sequences.entry(requester.address()).or_default();
        *sequence += 1;
        let request = Request {
            resource_id: announcement.id(&self.domain),
            requester: requester.address(),
            volume: 1,
            start_time: self.start + slots.start * SLOT,
            end_time: self.start + slots.end * SLOT,
            timestamp: self.now,
            sequence: *sequence,
        };
        let id = request.id(&self.domain).0;
        let mut signatures = Vec::new();
        if is_carried {
            signatures.extend(self.provide(request.resource_id.0));
        }
        signatures.extend(requester.sign(id).0);
        if !announcement.approver.is_zero() {
            signatures.extend(key("approver", 0).sign(id).0);
        }
        let (announcement, signatures) = (*announcement, signatures.into());
        self.pend(match is_carried {
            true => Message::AnnounceAndRequest { announcement, request, signatures },
            false => Message::Request { request, signatures },
        })
    }

    /// The release of a request that is recorded.
    pub(crate) fn release(&mut self, of: &Pending, requester: u64) -> Pending {
        let (Message::Request { request, .. } | Message::AnnounceAndRequest { request, .. }) =
            &of.message
        else {
            panic!("no request");
        };
        let index = self.follower.index_of(of.id).expect("the request is recorded");
        let record = self.follower.record(index).unwrap().entry.record.clone();
        let release = Release {
            request_id: request.id(&self.domain),
            from_time: request.start_time,
            timestamp: self.now,
        };
        let signature = key("requester", requester).sign(release.id(&self.domain));
        let signatures = Bytes::copy_from_slice(signature.0.as_slice());
        self.pend(Message::Release { release, signatures, record: record.into(), path: vec![] })
    }

    fn pend(&mut self, message: Message) -> Pending {
        self.arrivals += 1;
        let id = message.id(&self.domain);
        let by_time = self.now + 600;
        let promise = Promise {
            message_id: id,
            requester: Address::ZERO,
            sequence: 0,
            by_time,
            log_size: self.ledger().size(),
        };
        let promise = PromiseFile::sign(promise, &self.domain, self.node.key());
        Pending { arrival: self.arrivals, id, message, promise, failed: None }
    }
}
