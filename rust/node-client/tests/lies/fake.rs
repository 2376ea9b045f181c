//! An honest node in memory: a real ledger, a real log, real certificates, no chain.

use crate::server::{Asked, Reply, Server};
use alloy_primitives::{Address, B256, Bytes, keccak256};
use fallow_ledger::{ApplyError, GenesisParent, Ledger, LedgerConfig, Message};
use fallow_log::{TileEdge, TileId, Tree, leaf_hash};
use fallow_node_client::types::{
    CheckpointAnswer, ConsistencyAnswer, InclusionAnswer, Level, LevelName, MessageAnswer,
    MessageState, Outcome, Page, Problem, RecordAnswer, ReleaseAnswer, RequestAnswer,
    ResourceAnswer, StatusAnswer,
};
use fallow_node_client::{NodeCode, kind_name, message_id};
use fallow_protocol::{
    AnchorChain, Announcement, AnnouncementFile, Body, Certificate, Checkpoint, CodeHashes, Domain,
    Evidence, Member, NetworkFile, NetworkPart, Parameters, Promise, PromiseFile, Record, Refusal,
    RefusalFile, RefusalStatement, Release, ReleaseFile, Request, RequestFile, SecretKey, Set,
    SetHash, Sidechain, Ticket, Trust, Withdrawal, WithdrawalFile, bls, read_json,
};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Everybody's clock; a whole hour.
pub(crate) const NOW: u64 = 1_899_997_200;
/// Slots of an hour.
const SLOT: u64 = 3_600;

struct Entry {
    record: Record,
    evidence: Bytes,
    announcement: Option<Announcement>,
    id: Option<B256>,
}

/// What the node has.
pub(crate) struct Fake {
    pub(crate) network: NetworkFile,
    pub(crate) set: Set,
    pub(crate) node: SecretKey,
    domain: Domain,
    ledger: Ledger,
    tree: Tree,
    edge: TileEdge,
    tiles: BTreeMap<TileId, Vec<B256>>,
    entries: Vec<Entry>,
    by_id: BTreeMap<B256, u64>,
    checkpoints: Vec<CheckpointAnswer>,
    promises: BTreeMap<B256, PromiseFile>,
    offers: BTreeMap<B256, Vec<u8>>,
}

pub(crate) fn secret(seed: u8) -> SecretKey {
    SecretKey::from_bytes([seed; 32]).unwrap()
}

fn bls_keys() -> Vec<bls::SecretKey> {
    (1..=4).map(|seed| bls::SecretKey::generate(&[seed; 32]).unwrap()).collect()
}

/// Networks of different seeds are different ones with the same people.
fn network(seed: u8) -> (NetworkFile, Set) {
    let part = NetworkPart {
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
        code_hashes: CodeHashes { registry: B256::ZERO, bulletin: B256::ZERO, anchor: B256::ZERO },
    };
    let members = bls_keys().into_iter().zip(1..).map(|(key, seed)| Member {
        address: Address::repeat_byte(seed),
        weight: 1,
        key: key.public_key(),
    });
    let set = Set::new(part.network().id(), 1, NOW + 86_400, members.collect()).unwrap();
    let trust = Trust { era: 0, set_number: 1, set_hash: set.hash(), checkpoint: None };
    (NetworkFile::new(part, trust), set)
}

impl Fake {
    pub(crate) fn new(seed: u8) -> Self {
        let (network, set) = network(seed);
        let config = LedgerConfig {
            network_id: network.network_id,
            registry: network.network.sidechain.registry,
            writers: vec![],
            parent: GenesisParent::default(),
        };
        let (ledger, genesis) = Ledger::new(config, NOW - 60);
        let mut fake = Self {
            domain: network.domain(),
            network,
            set,
            node: secret(0x77),
            ledger,
            tree: Tree::new(),
            edge: TileEdge::new(),
            tiles: BTreeMap::new(),
            entries: Vec::new(),
            by_id: BTreeMap::new(),
            checkpoints: Vec::new(),
            promises: BTreeMap::new(),
            offers: BTreeMap::new(),
        };
        fake.push(genesis, Bytes::new(), None);
        fake
    }

    /// Answers on a free port.
    pub(crate) async fn serve(self) -> (Arc<Mutex<Self>>, Server) {
        let fake = Arc::new(Mutex::new(self));
        let answering = Arc::clone(&fake);
        let server = Server::start(move |asked| {
            let reply = answering.lock().unwrap().answer(&asked);
            Box::pin(async move { reply })
        })
        .await;
        (fake, server)
    }

    pub(crate) fn size(&self) -> u64 {
        self.tree.size()
    }

    fn push(&mut self, record: Record, evidence: Bytes, announcement: Option<Announcement>) {
        let leaf = leaf_hash(&record.encode());
        self.tree.push(leaf).unwrap();
        self.edge.push(leaf).unwrap();
        self.tiles.extend(self.edge.drain_full());
        let id = message_id(&record, &self.domain);
        self.by_id.extend(id.map(|id| (id, record.index)));
        self.entries.push(Entry { record, evidence, announcement, id });
    }

    fn apply(&mut self, message: &Message) -> Result<u64, Refusal> {
        let applied = self.ledger.apply(message, NOW).map_err(|error| match error {
            ApplyError::Refused(refusal) => refusal,
            other => panic!("{other}"),
        })?;
        let (signatures, barred) = match message {
            Message::Announce { signatures, .. }
            | Message::Request { signatures, .. }
            | Message::Release { signatures, .. } => (signatures, None),
            Message::Withdraw { signatures, announcement, .. } => {
                let barred = matches!(&applied.record.body,
                    Body::Withdrawal(body) if body.resource_index == 0);
                (signatures, barred.then_some(*announcement))
            }
            other => panic!("{other:?}"),
        };
        let evidence = Evidence::from_signatures(signatures).unwrap().encode().into();
        let index = applied.record.index;
        self.push(applied.record, evidence, barred);
        Ok(index)
    }

    /// A resource of an hour's slots.
    pub(crate) fn announcement(&self, provider: u8, offer: B256) -> AnnouncementFile {
        let key = secret(provider);
        let announcement = Announcement {
            provider: key.address(),
            approver: Address::ZERO,
            volume: 1_000,
            start_time: NOW,
            end_time: NOW + 24 * SLOT,
            slot_seconds: 3_600,
            notice_seconds: 0,
            timestamp: NOW,
            offer,
        };
        let signature = key.sign(announcement.id(&self.domain).0);
        let network_id = self.network.network_id;
        AnnouncementFile { version: 1, network_id, announcement, signature }
    }

    /// One unit of the resource for its second slot.
    pub(crate) fn request(
        &self,
        requester: u8,
        on: &Announcement,
        (volume, sequence): (u16, u64),
    ) -> RequestFile {
        let key = secret(requester);
        let request = Request {
            resource_id: on.id(&self.domain),
            requester: key.address(),
            volume,
            start_time: NOW + SLOT,
            end_time: NOW + 2 * SLOT,
            timestamp: NOW,
            sequence,
        };
        let signature = key.sign(request.id(&self.domain).0);
        let network_id = self.network.network_id;
        RequestFile { version: 1, network_id, request, signature, approval: None }
    }

    pub(crate) fn record_announcement(&mut self, file: &AnnouncementFile) -> Result<u64, Refusal> {
        let signatures = file.signature.0.into();
        self.apply(&Message::Announce { announcement: file.announcement, signatures })
    }

    pub(crate) fn record_request(&mut self, file: &RequestFile) -> Result<u64, Refusal> {
        self.apply(&Message::Request { request: file.request, signatures: file.signature.0.into() })
    }

    pub(crate) fn record_release(&mut self, file: &ReleaseFile) -> Result<u64, Refusal> {
        let index = self.by_id[&file.release.request_id.0];
        let size = self.tree.size();
        let mut path = self.tree.prove_inclusion(index, size).unwrap();
        path.truncate((index ^ size).ilog2() as usize);
        self.apply(&Message::Release {
            release: file.release,
            signatures: file.signature.0.into(),
            record: self.entries[index as usize].record.encode().into(),
            path,
        })
    }

    pub(crate) fn record_withdrawal(
        &mut self,
        file: &WithdrawalFile,
        announcement: Announcement,
    ) -> Result<u64, Refusal> {
        let signatures = file.signature.0.into();
        self.apply(&Message::Withdraw { withdrawal: file.withdrawal, announcement, signatures })
    }

    pub(crate) fn release(&self, requester: u8, request: &Request) -> ReleaseFile {
        let request_id = request.id(&self.domain);
        let release = Release { request_id, from_time: request.start_time, timestamp: NOW };
        let signature = secret(requester).sign(release.id(&self.domain));
        ReleaseFile { version: 1, network_id: self.network.network_id, release, signature }
    }

    pub(crate) fn withdrawal(&self, provider: u8, of: &Announcement) -> WithdrawalFile {
        let withdrawal = Withdrawal { resource_id: of.id(&self.domain), timestamp: NOW };
        let signature = secret(provider).sign(withdrawal.id(&self.domain));
        WithdrawalFile { version: 1, network_id: self.network.network_id, withdrawal, signature }
    }

    pub(crate) fn put_offer(&mut self, document: &[u8]) -> B256 {
        self.offers.insert(keccak256(document), document.to_vec());
        keccak256(document)
    }

    /// Has the log as it is certified by three of four, in this block.
    pub(crate) fn certify(&mut self, block: u64) {
        let checkpoint = Checkpoint {
            network_id: self.network.network_id,
            era: 0,
            set_number: 1,
            block_number: block,
            block_hash: keccak256(block.to_be_bytes()),
            block_time: NOW - 1_000 + block,
            size: self.tree.size(),
            root: self.tree.root(),
            next_set: SetHash::ZERO,
        };
        let digest = checkpoint.digest();
        let shares = bls_keys().into_iter().take(3).map(|key| key.sign(digest)).enumerate();
        let certificate = Certificate::aggregate(&self.set, &shares.collect()).unwrap();
        self.tiles.extend(self.edge.partials());
        self.checkpoints.push(CheckpointAnswer {
            checkpoint,
            certificate: Some(certificate.encode().into()),
            anchor: None,
        });
    }

    fn level(&self, index: u64) -> Level {
        let above = self.checkpoints.iter().find(|found| found.checkpoint.size > index);
        let checkpoint = above.map(|found| found.checkpoint.block_number);
        Level { name: LevelName::Recorded, confirmations: None, finalized: None, checkpoint }
    }

    fn record(&self, index: u64) -> Option<RecordAnswer> {
        let entry = self.entries.get(usize::try_from(index).ok()?)?;
        Some(RecordAnswer {
            index,
            id: entry.id,
            kind: kind_name(&entry.record.body).to_owned(),
            block: index,
            record: entry.record.encode().into(),
            evidence: entry.evidence.clone(),
            announcement: entry.announcement,
            level: self.level(index),
            size: self.tree.size(),
        })
    }

    fn index(&self, named: &str) -> Option<u64> {
        named.parse().ok().or_else(|| self.by_id.get(&named.parse::<B256>().ok()?).copied())
    }

    fn resource(&self, index: u64) -> Option<ResourceAnswer> {
        let entry = self.entries.get(index as usize)?;
        let Body::Announcement(body) = &entry.record.body else { return None };
        Some(ResourceAnswer {
            resource_id: entry.id?,
            index,
            announcement: body.announcement(),
            signature: Evidence::decode(&entry.evidence).unwrap().signature,
            withdrawn: false,
            offer: None,
            free: None,
            level: self.level(index),
            size: self.tree.size(),
        })
    }

    fn allocation(&self, index: u64) -> Option<RequestAnswer> {
        let entry = self.entries.get(index as usize)?;
        let Body::Allocation(body) = &entry.record.body else { return None };
        let release = self.entries.iter().find_map(|other| match &other.record.body {
            Body::Release(found) if found.request_index == index => Some(ReleaseAnswer {
                index: other.record.index,
                release: Release {
                    request_id: found.request_id,
                    from_time: found.from_time,
                    timestamp: found.timestamp,
                },
            }),
            _ => None,
        });
        Some(RequestAnswer {
            request_id: entry.id?,
            index,
            request: body.request(),
            signature: Evidence::decode(&entry.evidence).unwrap().signature,
            approval: None,
            release,
            level: self.level(index),
            size: self.tree.size(),
        })
    }

    fn page<T: Serialize>(&self, all: Vec<(u64, T)>, query: &BTreeMap<String, String>) -> Reply {
        let after: Option<u64> = query.get("after").map(|after| after.parse().unwrap());
        let limit: usize = query["limit"].parse().unwrap();
        let rest: Vec<_> =
            all.into_iter().filter(|(index, _)| after.is_none_or(|after| *index > after)).collect();
        let next = rest.get(limit).and_then(|_| rest.get(limit - 1)).map(|(index, _)| index);
        let next = next.map(u64::to_string);
        let items = rest.into_iter().take(limit).map(|(_, item)| item).collect();
        json(200, &Page { items, next, size: self.tree.size() })
    }

    fn answer(&mut self, asked: &Asked) -> Reply {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let query: BTreeMap<String, String> = reqwest::Url::parse(&format!("http://x/?{query}"))
            .unwrap()
            .query_pairs()
            .into_owned()
            .collect();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let found = match (asked.method.as_str(), parts.as_slice()) {
            ("GET", ["v1", rest @ ..]) => self.read(rest, &query),
            ("GET", _) => self.tile(path.trim_start_matches('/')),
            ("POST", ["v1", kind]) => self.take(kind, &asked.body),
            _ => None,
        };
        found.unwrap_or_else(|| problem(NodeCode::NotFound))
    }

    fn read(&self, path: &[&str], query: &BTreeMap<String, String>) -> Option<Reply> {
        let number = |name: &str| query.get(name)?.parse::<u64>().ok();
        let all = || 0..self.tree.size();
        Some(match path {
            ["network"] => json(200, &self.network),
            ["sets", hash] if **hash == self.set.hash().to_string() => {
                Reply::new(200, self.set.encode())
            }
            ["status"] => json(200, &self.status()),
            ["checkpoints", "latest"] => json(200, self.checkpoints.last()?),
            ["checkpoints", block] => {
                let block: u64 = block.parse().ok()?;
                json(200, self.checkpoints.iter().find(|c| c.checkpoint.block_number == block)?)
            }
            ["records", named] => json(200, &self.record(self.index(named)?)?),
            ["proofs", "inclusion"] => {
                let (index, size) = (number("index")?, number("size")?);
                json(
                    200,
                    &InclusionAnswer {
                        index,
                        size,
                        leaf: leaf_hash(&self.record(index)?.record),
                        root: self.tree.root_at(size).ok()?,
                        path: self.tree.prove_inclusion(index, size).ok()?,
                    },
                )
            }
            ["proofs", "consistency"] => {
                let (from, to) = (number("from")?, number("to")?);
                json(
                    200,
                    &ConsistencyAnswer {
                        from,
                        from_root: self.tree.root_at(from).ok()?,
                        to,
                        to_root: self.tree.root_at(to).ok()?,
                        path: self.tree.prove_consistency(from, to).ok()?,
                    },
                )
            }
            ["resources"] => {
                self.page(all().filter_map(|i| Some((i, self.resource(i)?))).collect(), query)
            }
            ["resources", id] => json(200, &self.resource(self.index(id)?)?),
            ["requests"] => {
                let of = query.get("requester").map(|of| of.parse::<Address>().unwrap());
                let on = query.get("resource").map(|on| on.parse::<B256>().unwrap());
                let wanted = |found: &RequestAnswer| {
                    of.is_none_or(|of| of == found.request.requester)
                        && on.is_none_or(|on| on == found.request.resource_id.0)
                };
                let found = all().filter_map(|i| Some((i, self.allocation(i).filter(wanted)?)));
                self.page(found.collect(), query)
            }
            ["messages", id] => json(200, &self.message(id.parse().ok()?)?),
            ["offers", hash] => {
                Reply::new(200, self.offers.get(&hash.parse::<B256>().ok()?)?.clone())
            }
            ["tickets", named] => self.ticket(self.index(named)?)?,
            _ => return None,
        })
    }

    fn ticket(&self, index: u64) -> Option<Reply> {
        let entry = self.entries.get(index as usize)?;
        let Some(above) = self.checkpoints.iter().find(|c| c.checkpoint.size > index) else {
            return Some(problem(NodeCode::NotCertifiedYet));
        };
        Some(json(
            200,
            &Ticket {
                record: entry.record.clone(),
                evidence: entry.evidence.to_vec(),
                path: self.tree.prove_inclusion(index, above.checkpoint.size).ok()?,
                checkpoint: above.checkpoint,
                certificate: Certificate::decode(above.certificate.as_ref()?).ok()?,
            },
        ))
    }

    fn status(&self) -> StatusAnswer {
        let last = self.checkpoints.last();
        StatusAnswer {
            version: "0".to_owned(),
            network_id: self.network.network_id.0,
            node: self.node.address(),
            block: 1,
            block_time: NOW,
            size: self.tree.size(),
            root: self.tree.root(),
            certified_size: last.map_or(0, |last| last.checkpoint.size),
            anchored_size: 0,
            settled_size: 0,
            open_promises: 0,
            not_ready: None,
        }
    }

    fn message(&self, id: B256) -> Option<MessageAnswer> {
        let index = self.by_id.get(&id).copied();
        let promise = self.promises.get(&id).copied().map(Box::new);
        let state = match (index, &promise) {
            (Some(_), _) => MessageState::Recorded,
            (None, Some(_)) => MessageState::Waiting,
            (None, None) => return None,
        };
        let level = index.map(|index| self.level(index));
        Some(MessageAnswer { id, state, promise, problem: None, index, level, size: self.size() })
    }

    /// Full and partial tiles.
    fn tile(&self, path: &str) -> Option<Reply> {
        let hashes = self.tiles.get(&TileId::parse(path).ok()?)?;
        Some(Reply::new(200, hashes.iter().flatten().copied().collect::<Vec<u8>>()))
    }

    fn take(&mut self, kind: &str, body: &[u8]) -> Option<Reply> {
        let (id, request, taken) = match kind {
            "offers" => {
                let hash = self.put_offer(body);
                return Some(Reply::new(201, format!(r#"{{"hash":"{hash}"}}"#)));
            }
            "announcements" => {
                let file: AnnouncementFile = read_json(body).unwrap();
                (file.announcement.id(&self.domain).0, None, self.record_announcement(&file))
            }
            "requests" => {
                let file: RequestFile = read_json(body).unwrap();
                let id = file.request.id(&self.domain).0;
                if let Some(index) = self.by_id.get(&id).copied() {
                    let (level, size) = (self.level(index), self.size());
                    return Some(json(200, &Outcome::Recorded { id, index, level, size }));
                }
                (id, Some(file.request), self.record_request(&file))
            }
            "releases" => {
                let file: ReleaseFile = read_json(body).unwrap();
                (file.release.id(&self.domain), None, self.record_release(&file))
            }
            _ => return None,
        };
        Some(match taken {
            Ok(_) => self.promise(id, request),
            Err(refusal) => self.refuse(id, &refusal),
        })
    }

    fn promise(&mut self, id: B256, request: Option<Request>) -> Reply {
        let promise = Promise {
            message_id: id,
            requester: request.map_or(Address::ZERO, |request| request.requester),
            sequence: request.map_or(0, |request| request.sequence),
            by_time: NOW + 60,
            log_size: self.size(),
        };
        let promise = PromiseFile::sign(promise, &self.domain, &self.node);
        self.promises.insert(id, promise);
        json(202, &Outcome::Promised { id, promise: Box::new(promise) })
    }

    fn refuse(&self, id: B256, refusal: &Refusal) -> Reply {
        let statement = RefusalStatement::new(id, refusal, NOW, self.size());
        let file = RefusalFile::sign(statement, &self.domain, &self.node);
        let shown = serde_json::to_value(refusal).unwrap();
        let word = |name: &str| shown[name].as_str().map(str::to_owned);
        json(
            422,
            &Problem {
                kind: format!("urn:fallow:code:{}", refusal.code.number()),
                title: refusal.code.name().to_owned(),
                status: 422,
                detail: refusal.code.message().to_owned(),
                code: refusal.code.number(),
                got: word("got"),
                want: word("want"),
                refusal: Some(Box::new(file)),
            },
        )
    }
}

pub(crate) fn json(status: u16, value: &impl Serialize) -> Reply {
    Reply::new(status, serde_json::to_vec(value).unwrap())
}

pub(crate) fn problem(code: NodeCode) -> Reply {
    json(
        code.status(),
        &Problem {
            kind: format!("urn:fallow:code:{}", code.number()),
            title: code.name().to_owned(),
            status: code.status(),
            detail: code.message().to_owned(),
            code: code.number(),
            got: None,
            want: None,
            refusal: None,
        },
    )
}
