//! Lists: each item by its record, and the chain of a requester's records without a gap.

use super::records::{Proven, level_name};
use super::tiles::AT_ONCE;
use super::{NodeError, VerifiedNode};
use crate::types::{RequestAnswer, ResourceAnswer};
use crate::{Lie, RequestQuery, ResourceQuery};
use alloy_primitives::{Address, B256};
use fallow_protocol::{AllocationBody, Body, ReleaseBody, RequestId, ResourceId};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Items of one page.
const PAGE: u16 = 200;
/// From so many records of a stretch of 256 on, a page is fewer questions than records.
const WORTH_PAGE: usize = 4;
/// At most so many items are read: a list for people is not longer.
const MOST_ITEMS: usize = 20_000;

/// An allocation that was verified.
#[derive(Clone, Debug)]
pub struct AllocationSeen {
    /// Id of its request.
    pub id: RequestId,
    /// What its record says.
    pub body: AllocationBody,
    /// The record.
    pub proven: Proven,
    /// The release of its slots, with its record.
    pub release: Option<(ReleaseBody, Proven)>,
}

/// Allocations that were verified.
#[derive(Clone, Debug)]
pub struct Allocations {
    /// In the order of the log.
    pub items: Vec<AllocationSeen>,
    /// Whether there are more than were read.
    pub is_cut: bool,
}

/// Resources that were verified.
#[derive(Clone, Debug)]
pub struct Resources {
    /// In the order of the log.
    pub items: Vec<ResourceSeen>,
    /// Whether there are more than were read.
    pub is_cut: bool,
}

/// A resource that was verified.
#[derive(Clone, Debug)]
pub struct ResourceSeen {
    /// As the node showed it. `free` and `withdrawn` are its word only.
    pub answer: ResourceAnswer,
    /// Its record.
    pub proven: Proven,
}

impl VerifiedNode {
    /// At most so many resources, each with its record; what is free of them is the node's word.
    ///
    /// # Errors
    /// When one does not hold.
    pub async fn resources(
        &self,
        query: &ResourceQuery,
        most: usize,
    ) -> Result<Resources, NodeError> {
        let mut answers: Vec<ResourceAnswer> = Vec::new();
        let (mut after, mut seen) = (None::<String>, BTreeSet::new());
        while answers.len() < most {
            let rest = most.saturating_sub(answers.len());
            let limit = u16::try_from(rest).unwrap_or(PAGE).min(PAGE);
            let page = self.client.resources(query, after.as_deref(), limit).await?;
            self.long_enough(page.size, &page)?;
            for item in page.items {
                self.once(&mut seen, item.index)?;
                answers.push(item);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let records = self.records(seen.into_iter().collect()).await?;
        let items = answers.into_iter().map(|answer| self.resource_seen(answer, &records));
        Ok(Resources { items: items.collect::<Result<_, _>>()?, is_cut: after.is_some() })
    }

    /// One resource; `None` if the node has none of this id.
    ///
    /// # Errors
    /// When it does not hold.
    pub async fn resource(&self, id: ResourceId) -> Result<Option<ResourceSeen>, NodeError> {
        let answer = match self.client.resource(id).await {
            Ok(answer) => answer,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        if answer.resource_id != id.0 {
            let (got, want) = (answer.resource_id, id.0);
            return Err(self.caught(Lie::IdMismatch { got, want }, json!(answer)));
        }
        let records = self.records(vec![answer.index]).await?;
        self.resource_seen(answer, &records).map(Some)
    }

    fn resource_seen(
        &self,
        answer: ResourceAnswer,
        records: &BTreeMap<u64, Proven>,
    ) -> Result<ResourceSeen, NodeError> {
        let proven = self.listed(records, answer.index, &answer)?;
        let index = answer.index;
        let Body::Announcement(body) = &proven.sound.record.body else {
            return Err(self.differs(index, "kind", &answer));
        };
        let id = answer.announcement.id(&self.rules.domain);
        let signature = proven.sound.evidence.as_ref().map(|evidence| evidence.signature);
        let fields = [
            ("resourceId", id.0 == answer.resource_id),
            ("announcement", body.announcement() == answer.announcement),
            ("signature", signature == Some(answer.signature)),
        ];
        self.all_same(index, &fields, &answer)?;
        Ok(ResourceSeen { proven: proven.clone(), answer })
    }

    /// Allocations, each with its record and that of its release. With `complete`, or where the
    /// list is one requester's, the chain of each requester's records is walked: whoever leaves
    /// out one but the newest is caught.
    ///
    /// # Errors
    /// When one does not hold, or one is withheld.
    pub async fn allocations(
        &self,
        query: RequestQuery,
        completeness: Completeness,
    ) -> Result<Allocations, NodeError> {
        // One at a time is what a node answers to; a requester's chain is whole without a filter.
        let asked = match query.requester {
            Some(_) => RequestQuery { resource: None, ..query },
            None => query,
        };
        let mut answers: Vec<RequestAnswer> = Vec::new();
        let (mut after, mut seen) = (None::<String>, BTreeSet::new());
        while answers.len() < MOST_ITEMS {
            let page = match self.client.requests(asked, after.as_deref(), PAGE).await {
                Ok(page) => page,
                Err(error) if error.is_not_found() => break,
                Err(error) => return Err(error.into()),
            };
            self.long_enough(page.size, &page)?;
            for item in page.items {
                self.once(&mut seen, item.index)?;
                answers.push(item);
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        seen.extend(answers.iter().filter_map(|answer| answer.release.map(|found| found.index)));
        let records = self.records(seen.into_iter().collect()).await?;
        let items: Result<Vec<_>, _> = answers
            .into_iter()
            .map(|answer| self.allocation_seen(&answer, asked, &records))
            .collect();
        let mut items = items?;
        items.sort_by_key(|item| item.proven.index());
        if completeness == Completeness::Chains || query.requester.is_some() {
            self.chains(&items, asked).await?;
        }
        items.retain(|item| query.resource.is_none_or(|of| of == item.body.resource_id));
        Ok(Allocations { items, is_cut: after.is_some() })
    }

    /// The highest sequence of a requester that is recorded, by its newest record; 0 if there is
    /// none. A node that leaves out the newest makes the next request fail, and nothing else.
    ///
    /// # Errors
    /// When that record does not hold.
    pub async fn highest_sequence(&self, requester: Address) -> Result<u64, NodeError> {
        let query = RequestQuery { requester: Some(requester), resource: None };
        let (mut after, mut newest) = (None::<String>, 0);
        loop {
            let page = self.client.requests(query, after.as_deref(), 1_000).await?;
            self.long_enough(page.size, &page)?;
            if let Some(last) = page.items.last() {
                // Lists are in the order of the log, so this ends.
                if last.index <= newest {
                    return Err(self.caught(Lie::Circles { index: last.index }, json!(page)));
                }
                newest = last.index;
            }
            after = page.next.filter(|_| !page.items.is_empty());
            if after.is_none() {
                break;
            }
        }
        if newest == 0 {
            return Ok(0);
        }
        let found = self.record_at(newest).await?;
        let body = found.as_ref().map(|found| &found.sound.record.body);
        match body {
            Some(Body::Allocation(body)) if body.requester == requester => Ok(body.highest_after),
            _ => Err(self.caught(
                Lie::FieldMismatch { index: newest, field: "requester" },
                json!(found.map(|found| found.answer)),
            )),
        }
    }

    fn allocation_seen(
        &self,
        answer: &RequestAnswer,
        query: RequestQuery,
        records: &BTreeMap<u64, Proven>,
    ) -> Result<AllocationSeen, NodeError> {
        let index = answer.index;
        let proven = self.listed(records, index, answer)?;
        let Body::Allocation(body) = &proven.sound.record.body else {
            return Err(self.differs(index, "kind", answer));
        };
        let id = body.request_id(&self.rules.domain);
        let evidence = proven.sound.evidence.as_ref();
        let fields = [
            ("requestId", id.0 == answer.request_id),
            ("request", body.request() == answer.request),
            ("signature", evidence.map(|found| found.signature) == Some(answer.signature)),
            ("approval", evidence.and_then(|found| found.approval) == answer.approval),
            ("requester", query.requester.is_none_or(|asked| asked == body.requester)),
            ("resourceId", query.resource.is_none_or(|asked| asked == body.resource_id)),
        ];
        self.all_same(index, &fields, answer)?;
        let release = match answer.release {
            None => None,
            Some(found) => {
                let proven = self.listed(records, found.index, answer)?;
                let Body::Release(release) = &proven.sound.record.body else {
                    return Err(self.differs(found.index, "kind", answer));
                };
                let fields = [
                    ("requestId", release.request_id == id && release.request_index == index),
                    ("fromTime", release.from_time == found.release.from_time),
                    ("timestamp", release.timestamp == found.release.timestamp),
                ];
                self.all_same(found.index, &fields, answer)?;
                Some((release.clone(), proven.clone()))
            }
        };
        Ok(AllocationSeen { id, body: body.clone(), proven: proven.clone(), release })
    }

    /// Walks each requester's records from the newest one shown back to the first: each names the
    /// one before it.
    async fn chains(&self, items: &[AllocationSeen], query: RequestQuery) -> Result<(), NodeError> {
        let listed: BTreeMap<u64, &AllocationSeen> =
            items.iter().map(|item| (item.proven.index(), item)).collect();
        let newest: BTreeMap<_, _> =
            items.iter().map(|item| (item.body.requester, item.proven.index())).collect();
        for (requester, index) in newest {
            let mut at = index;
            while at != 0 {
                at = match listed.get(&at) {
                    Some(item) => self.before(at, &item.body)?,
                    None => {
                        let found = self.record_at(at).await?;
                        let body = found.as_ref().map(|found| &found.sound.record.body);
                        let Some(Body::Allocation(body)) = body else {
                            return Err(self.withheld(at, &listed));
                        };
                        let is_wanted = query.resource.is_none_or(|of| of == body.resource_id);
                        if is_wanted || body.requester != requester {
                            return Err(self.withheld(at, &listed));
                        }
                        self.before(at, body)?
                    }
                };
            }
        }
        Ok(())
    }

    fn before(&self, index: u64, body: &AllocationBody) -> Result<u64, NodeError> {
        if body.previous_index < index {
            return Ok(body.previous_index);
        }
        Err(self.caught(Lie::Circles { index }, json!({ "previousIndex": body.previous_index })))
    }

    fn withheld(&self, index: u64, listed: &BTreeMap<u64, &AllocationSeen>) -> NodeError {
        let after = listed.range(index..).next().map(|(_, item)| &item.proven.answer);
        let why = "a later record of its requester names it as the one before";
        self.caught(
            Lie::Withheld { index, why },
            json!({ "namedBy": after, "head": self.head_file() }),
        )
    }

    /// Verified records by their indexes. Where several are close together, a page of the log holds
    /// them; each other one is asked for by itself.
    async fn records(&self, mut indexes: Vec<u64>) -> Result<BTreeMap<u64, Proven>, NodeError> {
        indexes.sort_unstable();
        indexes.dedup();
        let paths = self.paths(&indexes).await?;
        let close = indexes.chunk_by(|one, other| one.wrapping_shr(8) == other.wrapping_shr(8));
        let found: Vec<_> = stream::iter(close)
            .map(|indexes| async { self.close_records(indexes, &paths).await })
            .buffer_unordered(AT_ONCE)
            .try_collect()
            .await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// Records of one stretch of 256.
    async fn close_records(
        &self,
        indexes: &[u64],
        paths: &BTreeMap<u64, Vec<B256>>,
    ) -> Result<Vec<(u64, Proven)>, NodeError> {
        let (Some(first), Some(last)) = (indexes.first(), indexes.last()) else {
            return Ok(Vec::new());
        };
        let mut page = BTreeMap::new();
        if indexes.len() >= WORTH_PAGE {
            let span = last.saturating_sub(*first).saturating_add(1);
            let limit = u16::try_from(span).unwrap_or(u16::MAX);
            let answer = self.client.records(first.checked_sub(1), limit).await?;
            self.long_enough(answer.size, &answer)?;
            page.extend(answer.items.into_iter().map(|item| (item.index, item)));
        }
        let mut found = Vec::with_capacity(indexes.len());
        for index in indexes {
            let path = paths.get(index).map(Vec::as_slice);
            let proven = match page.remove(index) {
                Some(answer) => Some(self.proven(answer, path).await?),
                None => self.record_with(*index, path).await?,
            };
            found.extend(proven.map(|proven| (*index, proven)));
        }
        Ok(found)
    }

    fn listed<'a>(
        &self,
        records: &'a BTreeMap<u64, Proven>,
        index: u64,
        item: &impl Serialize,
    ) -> Result<&'a Proven, NodeError> {
        records.get(&index).ok_or_else(|| {
            let why = "a list of the node names it, and the node does not show it";
            self.caught(Lie::Withheld { index, why }, json!(item))
        })
    }

    /// Nothing stands in a list twice.
    fn once(&self, seen: &mut BTreeSet<u64>, index: u64) -> Result<(), NodeError> {
        if seen.insert(index) {
            return Ok(());
        }
        Err(self.caught(Lie::Circles { index }, json!(null)))
    }

    fn all_same(
        &self,
        index: u64,
        fields: &[(&'static str, bool)],
        item: &impl Serialize,
    ) -> Result<(), NodeError> {
        match fields.iter().find(|(_, is_same)| !is_same) {
            Some((field, _)) => Err(self.differs(index, field, item)),
            None => Ok(()),
        }
    }

    fn differs(&self, index: u64, field: &'static str, item: &impl Serialize) -> NodeError {
        self.caught(Lie::FieldMismatch { index, field }, json!(item))
    }
}

/// How far a list is checked for what it leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completeness {
    /// Only a list of one requester.
    #[default]
    OneRequester,
    /// The chain of every requester in the list.
    Chains,
}

impl AllocationSeen {
    /// Its level, for people: what could be verified of it, and what is the node's word.
    #[must_use]
    pub fn level_text(&self) -> String {
        self.proven.level_text()
    }
}

impl Proven {
    /// Its level, for people: what was verified of it, and what is the node's word.
    #[must_use]
    pub fn level_text(&self) -> String {
        match self.standing {
            super::Standing::NodesWord => {
                "recorded, not certified yet, the node's word only".into()
            }
            super::Standing::Certified { .. } => match self.level.name {
                crate::types::LevelName::Recorded => "recorded, certified".into(),
                other => format!("certified; {}, the node's word", level_name(other)),
            },
        }
    }
}
