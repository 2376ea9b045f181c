//! What can be told of an answer from the answer alone. Pure.

use crate::Lie;
use crate::types::{Problem, RecordAnswer};
use alloy_primitives::{Address, B256, U256, keccak256};
use fallow_protocol::{
    Announcement, Body, Code, Domain, Evidence, FIRST_OPEN_KIND, Promise, PromiseFile, Record,
    Refusal, RefusalFile, Release, Request, Signature, Withdrawal, Writer,
};

/// What a network says about records before any is seen.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Under which messages are signed.
    pub domain: Domain,
    /// Who appends which kinds.
    pub writers: Vec<Writer>,
}

/// A record that says of itself what is so: fields, id, evidence and signatures fit each other.
/// Whether it is in the log is another question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// The record.
    pub record: Record,
    /// Id of its message; none for kinds without messages.
    pub id: Option<B256>,
    /// Its signatures; none for kinds without evidence.
    pub evidence: Option<Evidence>,
    /// The announcement of a tombstone.
    pub announcement: Option<Announcement>,
}

/// A kind's name in answers.
#[must_use]
pub const fn kind_name(body: &Body) -> &'static str {
    match body {
        Body::Genesis(_) => "genesis",
        Body::Announcement(_) => "announcement",
        Body::Allocation(_) => "allocation",
        Body::Release(_) => "release",
        Body::Withdrawal(_) => "withdrawal",
        Body::Open { .. } => "open",
    }
}

/// The id of the message that a record is of.
#[must_use]
pub fn message_id(record: &Record, domain: &Domain) -> Option<B256> {
    Some(match &record.body {
        Body::Announcement(body) => body.announcement().id(domain).0,
        Body::Allocation(body) => body.request_id(domain).0,
        Body::Release(body) => Release {
            request_id: body.request_id,
            from_time: body.from_time,
            timestamp: body.timestamp,
        }
        .id(domain),
        Body::Withdrawal(body) => {
            Withdrawal { resource_id: body.resource_id, timestamp: body.timestamp }.id(domain)
        }
        Body::Genesis(_) | Body::Open { .. } => return None,
    })
}

/// Who signed a record's message, and as what.
const fn signer(body: &Body) -> Option<(&'static str, Address)> {
    match body {
        Body::Announcement(body) => Some(("provider", body.provider)),
        Body::Allocation(body) => Some(("requester", body.requester)),
        Body::Release(body) => Some(("requester", body.requester)),
        Body::Withdrawal(body) => Some(("provider", body.provider)),
        Body::Genesis(_) | Body::Open { .. } => None,
    }
}

impl Rules {
    /// Checks a record with what stands beside it.
    ///
    /// # Errors
    /// Names the first thing that cannot be true.
    pub fn record(&self, answer: &RecordAnswer) -> Result<Sound, Lie> {
        let index = answer.index;
        let record = Record::decode(&answer.record)
            .map_err(|error| Lie::RecordMalformed { index, error })?;
        same("index", record.index, index)?;
        same("kind", answer.kind.as_str(), kind_name(&record.body))?;
        same("writer", record.writer, self.writer(record.body.kind()))?;
        if index >= answer.size {
            return Err(Lie::LogTooShort { got: answer.size, want: index.saturating_add(1) });
        }
        let id = message_id(&record, &self.domain);
        if answer.id != id {
            let [got, want] = [answer.id, id].map(Option::unwrap_or_default);
            return Err(Lie::IdMismatch { got, want });
        }
        let evidence = evidence(&record, &answer.evidence)?;
        if let (Some(id), Some(evidence), Some((role, want))) =
            (id, &evidence, signer(&record.body))
        {
            signed(id, &evidence.signature, role, want)?;
        }
        self.tombstone(&record, answer.announcement.as_ref())?;
        Ok(Sound { record, id, evidence, announcement: answer.announcement })
    }

    fn writer(&self, kind: u8) -> Address {
        if kind < FIRST_OPEN_KIND {
            return self.domain.registry;
        }
        let named = self.writers.iter().find(|writer| writer.kind == kind);
        named.map_or(Address::ZERO, |writer| writer.writer)
    }

    /// A tombstone, and nothing else, brings the announcement that it bars.
    fn tombstone(&self, record: &Record, brought: Option<&Announcement>) -> Result<(), Lie> {
        let index = record.index;
        let mismatch = Err(Lie::FieldMismatch { index, field: "announcement" });
        match (&record.body, brought) {
            (Body::Withdrawal(body), Some(announcement)) if body.resource_index == 0 => {
                let id = announcement.id(&self.domain);
                let fits = id == body.resource_id && announcement.provider == body.provider;
                if fits { Ok(()) } else { mismatch }
            }
            (Body::Withdrawal(body), None) if body.resource_index == 0 => mismatch,
            (_, Some(_)) => mismatch,
            (_, None) => Ok(()),
        }
    }

    /// Checks who signed an announcement.
    ///
    /// # Errors
    /// When it was not its provider.
    pub fn announcement(
        &self,
        announcement: &Announcement,
        signature: &Signature,
    ) -> Result<(), Lie> {
        signed(announcement.id(&self.domain).0, signature, "provider", announcement.provider)
    }

    /// Checks that an allocation is approved as its resource wants it.
    ///
    /// # Errors
    /// When an approval is missing, too much, or another's.
    pub fn approval(&self, allocation: &Sound, terms: &Announcement) -> Result<(), Lie> {
        let index = allocation.record.index;
        let approval = allocation.evidence.as_ref().and_then(|evidence| evidence.approval);
        match (approval, allocation.id) {
            (None, _) if terms.approver.is_zero() => Ok(()),
            (Some(approval), Some(id)) if !terms.approver.is_zero() => {
                signed(id, &approval, "approver", terms.approver)
            }
            _ => Err(Lie::FieldMismatch { index, field: "approval" }),
        }
    }

    /// Checks a promise of the message with this id, by this node; `request` if it is one.
    ///
    /// # Errors
    /// Says in what it is none.
    pub fn promise(
        &self,
        file: &PromiseFile,
        id: B256,
        request: Option<&Request>,
        node: Address,
    ) -> Result<(), Lie> {
        let Promise { message_id, requester, sequence, .. } = file.promise;
        let (asker, number) =
            request.map_or((Address::ZERO, 0), |request| (request.requester, request.sequence));
        let mismatches = [
            ("version", file.version != fallow_protocol::FILE_VERSION),
            ("networkId", file.network_id != self.domain.network_id),
            ("messageId", message_id != id),
            ("requester", requester != asker),
            ("sequence", sequence != number),
        ];
        if let Some((field, _)) = mismatches.into_iter().find(|(_, differs)| *differs) {
            return Err(Lie::PromiseMismatch { field });
        }
        let got = file.signature.recover_or_zero(file.promise.id(&self.domain));
        if got != node || file.node != node || node.is_zero() {
            return Err(Lie::PromiseSignature { got, want: node });
        }
        Ok(())
    }

    /// Checks a refusal of the message with this id by a rule of the ledger. Codes of a node itself
    /// come back as `None`: nobody signs them.
    ///
    /// # Errors
    /// Says in what it is none.
    pub fn refusal(
        &self,
        problem: &Problem,
        id: B256,
        node: Address,
    ) -> Result<Option<(Refusal, RefusalFile)>, Lie> {
        if problem.code >= 900 {
            return Ok(None);
        }
        let file = problem.refusal.as_deref().ok_or(Lie::RefusalUnsigned(problem.code))?;
        let statement = &file.refusal;
        let code = Code::from_number(statement.code);
        let refusal = code.map(|code| Refusal {
            code,
            got: U256::from_be_bytes(statement.got.0),
            want: U256::from_be_bytes(statement.want.0),
        });
        let refusal = refusal.ok_or(Lie::RefusalMismatch { field: "code" })?;
        let mismatches = [
            ("version", file.version != fallow_protocol::FILE_VERSION),
            ("networkId", file.network_id != self.domain.network_id),
            ("messageId", statement.message_id != id),
            ("code", statement.code != problem.code),
            ("title", problem.title != refusal.code.name()),
            ("got", !shows(problem.got.as_ref(), refusal.got)),
            ("want", !shows(problem.want.as_ref(), refusal.want)),
        ];
        if let Some((field, _)) = mismatches.into_iter().find(|(_, differs)| *differs) {
            return Err(Lie::RefusalMismatch { field });
        }
        let got = file.signature.recover_or_zero(statement.id(&self.domain));
        if got != node || file.node != node || node.is_zero() {
            return Err(Lie::RefusalSignature { got, want: node });
        }
        Ok(Some((refusal, *file)))
    }
}

/// Whether a word of a problem is this one: a decimal number, or bytes as hex.
fn shows(text: Option<&String>, word: U256) -> bool {
    let shown = text.and_then(|text| match text.strip_prefix("0x") {
        Some(digits) => U256::from_str_radix(digits, 16).ok(),
        None => U256::from_str_radix(text, 10).ok(),
    });
    shown == Some(word)
}

/// The evidence that a record commits to.
fn evidence(record: &Record, bytes: &[u8]) -> Result<Option<Evidence>, Lie> {
    let index = record.index;
    let Some(want) = record.body.evidence() else {
        return match bytes.is_empty() {
            true => Ok(None),
            false => {
                let got = keccak256(bytes);
                Err(Lie::EvidenceMismatch { index, got, want: B256::ZERO })
            }
        };
    };
    let got = keccak256(bytes);
    if got != want {
        return Err(Lie::EvidenceMismatch { index, got, want });
    }
    Evidence::decode(bytes).map(Some).map_err(|error| Lie::EvidenceMalformed { index, error })
}

fn signed(id: B256, signature: &Signature, role: &'static str, want: Address) -> Result<(), Lie> {
    let got = signature.recover_or_zero(id);
    if got == want && !want.is_zero() {
        return Ok(());
    }
    Err(Lie::SignatureInvalid { id, role, got, want })
}

/// Compares what is shown with what was asked for.
pub(crate) fn same<T: PartialEq + ToString>(
    field: &'static str,
    got: T,
    want: T,
) -> Result<(), Lie> {
    if got == want {
        return Ok(());
    }
    Err(Lie::RecordMismatch { field, got: got.to_string(), want: want.to_string() })
}
