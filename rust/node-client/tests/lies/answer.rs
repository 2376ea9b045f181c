//! What the honest node answers.

use crate::fake::{Fake, NOW};
use crate::server::{Asked, Reply};
use alloy_primitives::{Address, B256};
use fallow_log::{TileId, leaf_hash};
use fallow_node_client::types::{
    CheckAnswer, ConsistencyAnswer, FindingAnswer, InclusionAnswer, Level, LevelName,
    MessageAnswer, MessageState, Outcome, Page, Problem, RecordAnswer, ReleaseAnswer,
    RequestAnswer, ResourceAnswer, StatusAnswer,
};
use fallow_node_client::{NodeCode, kind_name};
use fallow_protocol::{
    AnnouncementFile, Body, Certificate, Evidence, Promise, PromiseFile, Refusal, RefusalFile,
    RefusalStatement, Release, ReleaseFile, Request, RequestFile, Ticket, read_json,
};
use serde::Serialize;
use std::collections::BTreeMap;

impl Fake {
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

    pub(crate) fn answer(&mut self, asked: &Asked) -> Reply {
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
            ["records"] => {
                self.page(all().filter_map(|i| Some((i, self.record(i)?))).collect(), query)
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
            "check" => return Some(self.check(&read_json(body).unwrap())),
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

    fn check(&self, file: &RequestFile) -> Reply {
        let signatures = file.signature.0;
        let found = self.ledger.check(&file.request, signatures.as_slice(), NOW);
        let findings = (1..).zip(found).map(|(check, finding)| FindingAnswer {
            check,
            holds: finding.code.is_none(),
            code: finding.code.map(|code| code.number()),
            name: finding.code.map(|code| code.name().to_owned()),
            got: finding.got,
            want: finding.want,
        });
        let request_id = file.request.id(&self.domain).0;
        json(200, &CheckAnswer { request_id, findings: findings.collect(), size: self.size() })
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
