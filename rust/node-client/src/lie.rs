//! What a node can say that is not so: one variant for each way to be caught.

use alloy_primitives::{Address, B256};
use fallow_log::ProofError;
use fallow_protocol::{DecodeError, NetworkId, Refusal, SetError, SetHash};

/// Why an answer cannot be true. None of these happens to a node that runs its software and reads
/// an honest chain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Lie {
    /// The node's network file is of another network.
    #[error("the node serves network {got}, not {want}")]
    NetworkMismatch {
        /// What it serves.
        got: NetworkId,
        /// What was asked for.
        want: NetworkId,
    },
    /// The bytes that the node has for a set are none.
    #[error("the node's bytes for the validator set are no set: {0}")]
    SetMalformed(SetError),
    /// The bytes that the node has for a set are another one.
    #[error("the node's validator set is {got}, the network file trusts {want}")]
    SetMismatch {
        /// Hash of what it has.
        got: SetHash,
        /// Hash of what was asked for.
        want: SetHash,
    },
    /// The newest certified checkpoint comes without a certificate.
    #[error("the node calls the checkpoint of block {0} certified, and shows no certificate")]
    CertificateMissing(u64),
    /// A certificate cannot be decoded.
    #[error("the certificate of block {block} cannot be decoded: {error}")]
    CertificateMalformed {
        /// The checkpoint's block.
        block: u64,
        /// Why not.
        error: DecodeError,
    },
    /// No quorum of the trusted set signed the checkpoint.
    #[error("the checkpoint of block {block} is not what the validators certified: {refusal}")]
    NotCertified {
        /// The checkpoint's block.
        block: u64,
        /// Codes 601 to 607.
        refusal: Refusal,
    },
    /// A checkpoint is of another block than asked for.
    #[error("the node shows the checkpoint of block {got}, {want} was asked for")]
    CheckpointElsewhere {
        /// What it shows.
        got: u64,
        /// What was asked for.
        want: u64,
    },
    /// A quorum signed two logs of which neither is the beginning of the other, or this machine was
    /// shown one before and the node now shows the other.
    #[error(
        "the node shows a second history: block {shown_block} with {shown_size} records is not \
         the log that this machine has seen at block {seen_block} with {seen_size} records"
    )]
    TwoHistories {
        /// Block of the checkpoint that was seen before.
        seen_block: u64,
        /// Records under it.
        seen_size: u64,
        /// Block of the checkpoint that is shown now.
        shown_block: u64,
        /// Records under it.
        shown_size: u64,
    },
    /// The newest checkpoint that the node shows is older than one that this machine has seen.
    #[error(
        "the node forgets: it shows block {shown_block} as its newest certified one, this machine \
         has seen block {seen_block}"
    )]
    Forgets {
        /// Block of the checkpoint that was seen before.
        seen_block: u64,
        /// Block of the checkpoint that is shown now.
        shown_block: u64,
    },
    /// What should show that the log only grew does not.
    #[error("the node does not show that the log of {from} records grew to {to}: {error}")]
    GrowthUnproven {
        /// The older size.
        from: u64,
        /// The newer size.
        to: u64,
        /// What is wrong with the proof.
        error: ProofError,
    },
    /// A record cannot be decoded.
    #[error("the node's record {index} cannot be decoded: {error}")]
    RecordMalformed {
        /// Where it should be.
        index: u64,
        /// Why not.
        error: DecodeError,
    },
    /// A record is another one than asked for.
    #[error("the node shows another record than asked for: `{field}` is {got}, not {want}")]
    RecordMismatch {
        /// What differs.
        field: &'static str,
        /// What it shows.
        got: String,
        /// What was asked for.
        want: String,
    },
    /// An id does not follow from the fields that it stands beside.
    #[error("the id {got} is not that of its message, which is {want}")]
    IdMismatch {
        /// What the node says.
        got: B256,
        /// What follows.
        want: B256,
    },
    /// The evidence of a record is not what the record commits to.
    #[error("the evidence of record {index} has hash {got}, the record says {want}")]
    EvidenceMismatch {
        /// The record.
        index: u64,
        /// Hash of what the node shows.
        got: B256,
        /// What the record says.
        want: B256,
    },
    /// The evidence of a record is none.
    #[error("the evidence of record {index} cannot be decoded: {error}")]
    EvidenceMalformed {
        /// The record.
        index: u64,
        /// Why not.
        error: DecodeError,
    },
    /// A message is not signed by whom it names.
    #[error("the message {id} is signed by {got}, not by its {role} {want}")]
    SignatureInvalid {
        /// The message.
        id: B256,
        /// Who should have signed: provider, requester or approver.
        role: &'static str,
        /// Who signed; zero if nobody.
        got: Address,
        /// Who should have.
        want: Address,
    },
    /// The log has another record there.
    #[error("record {index} is not the one in the node's own log: leaf {got}, not {want}")]
    LeafMismatch {
        /// The record.
        index: u64,
        /// Leaf of the record that the node shows.
        got: B256,
        /// Leaf that its proof begins with.
        want: B256,
    },
    /// The path does not lead from the record to the certified root.
    #[error("record {index} is not proven to be in the certified log of {size} records: {error}")]
    NotIncluded {
        /// The record.
        index: u64,
        /// Size of the certified log.
        size: u64,
        /// What is wrong with the path.
        error: ProofError,
    },
    /// An answer is of a log that is shorter than one the validators certified.
    #[error("the node answers from a log of {got} records, {want} are certified")]
    LogTooShort {
        /// Size of the log that the answer is of.
        got: u64,
        /// Size that is certified.
        want: u64,
    },
    /// The level of a record rests on nothing.
    #[error("the node calls record {index} {level}, but {why}")]
    LevelUnfounded {
        /// The record.
        index: u64,
        /// The level.
        level: &'static str,
        /// What is missing.
        why: &'static str,
    },
    /// What the node says beside a record is not what the record says.
    #[error("what the node says of record {index} is not what the record says: `{field}`")]
    FieldMismatch {
        /// The record.
        index: u64,
        /// What differs.
        field: &'static str,
    },
    /// A list does not show what a record proves to be there.
    #[error("the node withholds record {index}: {why}")]
    Withheld {
        /// The record.
        index: u64,
        /// What shows that it is there.
        why: &'static str,
    },
    /// A list does not come to an end, or repeats itself.
    #[error("the node's list turns in circles at record {index}")]
    Circles {
        /// Where.
        index: u64,
    },
    /// A promise is of another message.
    #[error("the node's promise is not of the message that was sent: `{field}`")]
    PromiseMismatch {
        /// What differs.
        field: &'static str,
    },
    /// A promise is not signed by the node.
    #[error("the promise is signed by {got}, not by the node {want}")]
    PromiseSignature {
        /// Who signed; zero if nobody.
        got: Address,
        /// Who the node says it is.
        want: Address,
    },
    /// The time is over, and the message is not recorded.
    #[error("the promise is broken: the message was to be recorded by {by_time}, and is not")]
    PromiseBroken {
        /// Unix seconds.
        by_time: u64,
    },
    /// A message is refused by a rule, and nobody signs that.
    #[error("the node refuses the message with code {0}, and does not sign that")]
    RefusalUnsigned(u16),
    /// The signed refusal is not what the answer says.
    #[error("the node's refusal is not what it has signed: `{field}`")]
    RefusalMismatch {
        /// What differs.
        field: &'static str,
    },
    /// A refusal is not signed by the node.
    #[error("the refusal is signed by {got}, not by the node {want}")]
    RefusalSignature {
        /// Who signed; zero if nobody.
        got: Address,
        /// Who the node says it is.
        want: Address,
    },
    /// An offer document is another one.
    #[error("the offer document has hash {got}, the announcement says {want}")]
    OfferMismatch {
        /// Hash of what the node has.
        got: B256,
        /// What was asked for.
        want: B256,
    },
    /// A ticket does not hold.
    #[error("the node's ticket does not hold: {0}")]
    TicketInvalid(Refusal),
    /// The five checks are answered otherwise than what is sure without asking.
    #[error("the node's answer about check {check} cannot be true: `{field}`")]
    CheckMismatch {
        /// 1 to 5.
        check: u8,
        /// What is wrong.
        field: &'static str,
    },
    /// Mainnet has another checkpoint than the node shows, or none.
    #[error("mainnet does not have what the node shows: {why} (block {block}, {size} records)")]
    AnchorMismatch {
        /// Sidechain block of mainnet's checkpoint.
        block: u64,
        /// Records under it.
        size: u64,
        /// What is wrong.
        why: &'static str,
    },
}

impl Lie {
    /// Name of the variant: stable, for programs and for the file with the evidence.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NetworkMismatch { .. } => "NetworkMismatch",
            Self::SetMalformed(_) => "SetMalformed",
            Self::SetMismatch { .. } => "SetMismatch",
            Self::CertificateMissing(_) => "CertificateMissing",
            Self::CertificateMalformed { .. } => "CertificateMalformed",
            Self::NotCertified { .. } => "NotCertified",
            Self::CheckpointElsewhere { .. } => "CheckpointElsewhere",
            Self::TwoHistories { .. } => "TwoHistories",
            Self::Forgets { .. } => "Forgets",
            Self::GrowthUnproven { .. } => "GrowthUnproven",
            Self::RecordMalformed { .. } => "RecordMalformed",
            Self::RecordMismatch { .. } => "RecordMismatch",
            Self::IdMismatch { .. } => "IdMismatch",
            Self::EvidenceMismatch { .. } => "EvidenceMismatch",
            Self::EvidenceMalformed { .. } => "EvidenceMalformed",
            Self::SignatureInvalid { .. } => "SignatureInvalid",
            Self::LeafMismatch { .. } => "LeafMismatch",
            Self::NotIncluded { .. } => "NotIncluded",
            Self::LogTooShort { .. } => "LogTooShort",
            Self::LevelUnfounded { .. } => "LevelUnfounded",
            Self::FieldMismatch { .. } => "FieldMismatch",
            Self::Withheld { .. } => "Withheld",
            Self::Circles { .. } => "Circles",
            Self::PromiseMismatch { .. } => "PromiseMismatch",
            Self::PromiseSignature { .. } => "PromiseSignature",
            Self::PromiseBroken { .. } => "PromiseBroken",
            Self::RefusalUnsigned(_) => "RefusalUnsigned",
            Self::RefusalMismatch { .. } => "RefusalMismatch",
            Self::RefusalSignature { .. } => "RefusalSignature",
            Self::OfferMismatch { .. } => "OfferMismatch",
            Self::TicketInvalid(_) => "TicketInvalid",
            Self::CheckMismatch { .. } => "CheckMismatch",
            Self::AnchorMismatch { .. } => "AnchorMismatch",
        }
    }
}
