//! Records: sound in themselves, and in the certified log.

use super::{NodeError, VerifiedNode};
use crate::check::{Sound, same};
use crate::types::{Level, LevelName, RecordAnswer};
use crate::{ClientError, Lie};
use alloy_primitives::{B256, Bytes};
use fallow_light_client::Verifier;
use fallow_log::{leaf_hash, verify_inclusion};
use fallow_protocol::{Announcement, Body, ResourceId, Ticket};
use serde_json::json;

/// What stands behind a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is in the log that the validators certified: verified here.
    Certified {
        /// Sidechain block of the certified checkpoint.
        block: u64,
        /// Records under it.
        size: u64,
    },
    /// It is not certified yet: the node's word only, but for the signatures in it.
    NodesWord,
}

/// A record that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    /// The record with its message.
    pub sound: Sound,
    /// Sidechain block; the node's word.
    pub block: u64,
    /// How sure it is, as the node says; what could be checked of it was.
    pub level: Level,
    /// What stands behind it.
    pub standing: Standing,
    /// As the node showed it.
    pub answer: RecordAnswer,
}

impl Proven {
    /// Position in the log.
    #[must_use]
    pub const fn index(&self) -> u64 {
        self.sound.record.index
    }
}

impl VerifiedNode {
    /// The record at an index; `None` if the log is not that long.
    ///
    /// # Errors
    /// When it does not hold.
    pub async fn record_at(&self, index: u64) -> Result<Option<Proven>, NodeError> {
        self.record_with(index, None).await
    }

    /// As [`Self::record_at`], maybe with a path at hand.
    pub(super) async fn record_with(
        &self,
        index: u64,
        path: Option<&[B256]>,
    ) -> Result<Option<Proven>, NodeError> {
        let must = index < self.certified_size();
        let Some(answer) = self.find(&index.to_string(), must).await? else {
            return Ok(None);
        };
        let check = same("index", answer.index, index);
        check.map_err(|lie| self.caught(lie, json!(answer)))?;
        self.proven(answer, path).await.map(Some)
    }

    /// The record of a message; `None` if the node has none.
    ///
    /// # Errors
    /// When it does not hold.
    pub async fn record_of(&self, id: B256) -> Result<Option<Proven>, NodeError> {
        let Some(answer) = self.find(&id.to_string(), false).await? else {
            return Ok(None);
        };
        let check = same("id", answer.id.unwrap_or_default(), id);
        check.map_err(|lie| self.caught(lie, json!(answer)))?;
        self.proven(answer, None).await.map(Some)
    }

    /// Asks for a record; one that is certified must be there.
    async fn find(&self, named: &str, must: bool) -> Result<Option<RecordAnswer>, NodeError> {
        match self.client.record(named).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if error.is_not_found() && must => {
                let lie = Lie::Withheld {
                    index: named.parse().unwrap_or_default(),
                    why: "the certified log has a record there",
                };
                Err(self.caught(lie, json!({ "head": self.head_file() })))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Verifies a record with all that stands beside it; `path` if it is at hand already.
    pub(super) async fn proven(
        &self,
        answer: RecordAnswer,
        path: Option<&[B256]>,
    ) -> Result<Proven, NodeError> {
        self.long_enough(answer.size, &answer)?;
        let sound = self.rules.record(&answer).map_err(|lie| self.caught(lie, json!(answer)))?;
        let standing = match path {
            Some(path) => self.included(&answer, path)?,
            None => self.standing(&answer).await?,
        };
        self.check_approval(&sound, &answer).await?;
        self.check_level(answer.index, &answer.level).await?;
        let (block, level) = (answer.block, answer.level);
        Ok(Proven { sound, block, level, standing, answer })
    }

    /// Where a record stands, by a path that the node is asked for.
    async fn standing(&self, record: &RecordAnswer) -> Result<Standing, NodeError> {
        let Some(head) = self.head.as_ref().filter(|head| record.index < head.checkpoint.size)
        else {
            return Ok(Standing::NodesWord);
        };
        let answer = self.client.inclusion(record.index, head.checkpoint.size).await?;
        let (got, want) = (leaf_hash(&record.record), answer.leaf);
        if got != want {
            let lie = Lie::LeafMismatch { index: record.index, got, want };
            return Err(self.caught(lie, json!({ "record": record, "inclusion": answer })));
        }
        self.included(record, &answer.path)
    }

    /// Checks the path from a record to the certified root.
    fn included(&self, record: &RecordAnswer, path: &[B256]) -> Result<Standing, NodeError> {
        let index = record.index;
        let Some(head) = self.head.as_ref().filter(|head| index < head.checkpoint.size) else {
            return Ok(Standing::NodesWord);
        };
        let (size, root) = (head.checkpoint.size, head.checkpoint.root);
        match verify_inclusion(leaf_hash(&record.record), index, size, path, root) {
            Ok(()) => Ok(Standing::Certified { block: head.checkpoint.block_number, size }),
            Err(error) => {
                let exhibit = json!({ "record": record, "path": path, "head": head.file() });
                Err(self.caught(Lie::NotIncluded { index, size, error }, exhibit))
            }
        }
    }

    /// An allocation is approved as its resource wants it.
    async fn check_approval(&self, sound: &Sound, answer: &RecordAnswer) -> Result<(), NodeError> {
        let Body::Allocation(body) = &sound.record.body else {
            return Ok(());
        };
        let terms = self.terms(body.resource_index, body.resource_id).await?;
        let check = self.rules.approval(sound, &terms);
        check.map_err(|lie| self.caught(lie, json!(answer)))
    }

    /// The announcement of the resource recorded at `index`, verified once.
    ///
    /// # Errors
    /// When it does not hold, or is of another resource.
    pub async fn terms(&self, index: u64, id: ResourceId) -> Result<Announcement, NodeError> {
        // Held while asking: many allocations of one resource ask for it once.
        let mut known = self.terms.lock().await;
        let announcement = match known.get(&index) {
            Some(announcement) => *announcement,
            None => *known.entry(index).insert_entry(self.read_terms(index).await?).get(),
        };
        if announcement.id(&self.rules.domain) == id {
            return Ok(announcement);
        }
        let lie = Lie::FieldMismatch { index, field: "resourceId" };
        Err(self.caught(lie, json!({ "announcement": announcement, "resourceId": id })))
    }

    async fn read_terms(&self, index: u64) -> Result<Announcement, NodeError> {
        let Some(answer) = self.find(&index.to_string(), index < self.certified_size()).await?
        else {
            let lie = Lie::Withheld { index, why: "an allocation names it as its resource" };
            return Err(self.caught(lie, json!(null)));
        };
        let check = same("index", answer.index, index).and_then(|()| self.rules.record(&answer));
        let sound = check.map_err(|lie| self.caught(lie, json!(answer)))?;
        self.standing(&answer).await?;
        match sound.record.body {
            Body::Announcement(body) => Ok(body.announcement()),
            _ => Err(self.caught(Lie::FieldMismatch { index, field: "kind" }, json!(answer))),
        }
    }

    /// Checks what a level rests on, as far as this side of mainnet tells. The checkpoint may be
    /// newer than the head: validators go on while somebody asks.
    async fn check_level(&self, index: u64, level: &Level) -> Result<(), NodeError> {
        let name = level_name(level.name);
        let unfounded = |why| {
            let lie = Lie::LevelUnfounded { index, level: name, why };
            self.caught(lie, json!({ "level": level, "head": self.head_file() }))
        };
        let Some(block) = level.checkpoint else {
            return match level.name {
                LevelName::Recorded => Ok(()),
                _ => Err(unfounded("no certified checkpoint above it is named")),
            };
        };
        let checkpoint = match self.checkpoint(block).await {
            Ok(checkpoint) => checkpoint,
            Err(NodeError::Client(error)) if error.is_not_found() => {
                return Err(unfounded("the checkpoint that it names is not there"));
            }
            Err(error) => return Err(error),
        };
        if checkpoint.size <= index {
            return Err(unfounded("the checkpoint that it names is not above it"));
        }
        let period = self.network.network.parameters.challenge_period;
        // The anchor takes block times at most 60 seconds ahead of mainnet's (section 11).
        let settled = checkpoint.block_time.saturating_add(period).saturating_sub(60);
        if level.name == LevelName::Settled && settled > (self.clock)() {
            return Err(unfounded("its challenge period cannot be over yet"));
        }
        Ok(())
    }

    /// The ticket of a record, verified as its holder would; `None` if there is no such record.
    ///
    /// # Errors
    /// When it does not hold; problem 918 where it is not certified yet.
    pub async fn ticket(&self, id_or_index: IdOrIndex) -> Result<Option<Ticket>, NodeError> {
        let ticket = match self.client.ticket(&id_or_index.to_string()).await {
            Ok(ticket) => ticket,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut verifier = Verifier::new(self.trust.clone());
        verifier
            .verify_ticket(&ticket, (self.clock)())
            .map_err(|refusal| self.caught(Lie::TicketInvalid(refusal), json!(ticket)))?;
        let answer = self.answer_of(&ticket);
        let check = match id_or_index {
            IdOrIndex::Index(index) => same("index", ticket.record.index, index),
            IdOrIndex::Id(id) => same("id", answer.id.unwrap_or_default(), id),
        };
        check.and_then(|()| self.rules.record(&answer)).map_or_else(
            // What a tombstone bars is not in its ticket.
            |lie| match (&lie, &ticket.record.body) {
                (Lie::FieldMismatch { field: "announcement", .. }, Body::Withdrawal(_)) => Ok(()),
                _ => Err(self.caught(lie, json!(ticket))),
            },
            |_| Ok(()),
        )?;
        Ok(Some(ticket))
    }

    /// A ticket's record as an answer about it.
    fn answer_of(&self, ticket: &Ticket) -> RecordAnswer {
        let record = &ticket.record;
        RecordAnswer {
            index: record.index,
            id: crate::check::message_id(record, &self.rules.domain),
            kind: crate::check::kind_name(&record.body).to_owned(),
            block: ticket.checkpoint.block_number,
            record: record.encode().into(),
            evidence: ticket.evidence.clone().into(),
            announcement: None,
            level: Level {
                name: LevelName::Recorded,
                confirmations: None,
                finalized: None,
                checkpoint: Some(ticket.checkpoint.block_number),
            },
            size: ticket.checkpoint.size,
        }
    }

    /// An offer document whose hash is this; `None` if the node does not have it.
    ///
    /// # Errors
    /// When the node has other bytes for it.
    pub async fn offer(&self, want: B256) -> Result<Option<Bytes>, NodeError> {
        let document = match self.client.offer(want).await {
            Ok(document) => document,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let got = alloy_primitives::keccak256(&document);
        if got != want {
            let exhibit = json!({ "document": document });
            return Err(self.caught(Lie::OfferMismatch { got, want }, exhibit));
        }
        Ok(Some(document))
    }

    /// Has an offer document published.
    ///
    /// # Errors
    /// When the node takes it for another one.
    pub async fn put_offer(&self, document: Bytes) -> Result<B256, NodeError> {
        let want = alloy_primitives::keccak256(&document);
        let got = self.client.put_offer(document).await?;
        if got != want {
            return Err(self.caught(Lie::OfferMismatch { got, want }, json!({ "hash": got })));
        }
        Ok(got)
    }

    pub(super) fn head_file(&self) -> Option<fallow_protocol::CheckpointFile> {
        self.head.as_ref().map(super::Certified::file)
    }
}

/// What names a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdOrIndex {
    /// Id of its message.
    Id(B256),
    /// Position in the log.
    Index(u64),
}

impl std::fmt::Display for IdOrIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Index(index) => index.fmt(f),
        }
    }
}

/// The word of the vocabulary.
#[must_use]
pub const fn level_name(level: LevelName) -> &'static str {
    match level {
        LevelName::Recorded => "recorded",
        LevelName::Anchored => "anchored",
        LevelName::Settled => "settled",
    }
}

/// Whether the node says that it is only a matter of time.
#[must_use]
pub fn is_not_certified_yet(error: &NodeError) -> bool {
    let code = crate::NodeCode::NotCertifiedYet.number();
    matches!(error, NodeError::Client(ClientError::Problem(problem)) if problem.code == code)
}
