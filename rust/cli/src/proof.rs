//! A ticket against what this machine trusts: reading both, and verifying without any network.

use crate::args::TrustArgs;
use crate::error::{Context, Result};
use crate::files;
use crate::printer::count;
use crate::time;
use crate::verdict::{Allocation, Step, Verdict};
use fallow_light_client::{Trust, Verifier};
use fallow_protocol::{
    AllocationBody, Body, Code, FILE_MAX_BYTES, NetworkFile, Record, Set, Ticket, read_json,
};
use std::ops::Range;
use std::path::Path;

/// First bytes of a binary ticket (`docs/protocol.md` section 12).
const TICKET_MAGIC: &[u8] = b"FLWT";

/// A ticket as it was read.
#[derive(Debug)]
pub(crate) struct ReadTicket {
    /// What it says.
    pub(crate) ticket: Ticket,
    /// Form and length, for people.
    pub(crate) form: String,
}

/// Reads a ticket in either form; which one follows from its first bytes.
pub(crate) fn read_ticket(path: &Path) -> Result<ReadTicket> {
    let bytes = files::read(path, FILE_MAX_BYTES)?;
    let binary = bytes.starts_with(TICKET_MAGIC);
    let not = format!("`{}` is no ticket", path.display());
    let ticket =
        if binary { Ticket::decode(&bytes).context(&not) } else { read_json(&bytes).context(&not) };
    let ticket = ticket.map_err(|failure| {
        failure.hint("expected a ticket in its binary or JSON form; ask the requester for it anew")
    })?;
    let name = if binary { "binary" } else { "JSON" };
    Ok(ReadTicket { ticket, form: format!("{name} form, {} bytes", bytes.len()) })
}

/// What this machine trusts.
#[derive(Debug)]
pub(crate) struct Trusted {
    /// The network.
    pub(crate) network: NetworkFile,
    /// The set that its trust part names.
    pub(crate) set: Set,
}

impl Trusted {
    /// Reads the network file and its set.
    pub(crate) fn read(args: &TrustArgs) -> Result<Self> {
        let network = files::read_network(&args.network.network)?;
        let set = files::read_set(args, &network)?;
        Ok(Self { network, set })
    }

    /// A verifier of this network.
    pub(crate) fn verifier(&self) -> Result<Verifier> {
        let trust = Trust::new(&self.network, self.set.clone())
            .context("the network file and its set do not fit each other")?;
        Ok(Verifier::new(trust))
    }

    /// The steps of section 12, with what is found where they hold.
    pub(crate) fn ticket_steps(&self, read: &ReadTicket, clock: u64) -> Vec<Step> {
        let ticket = &read.ticket;
        let (set, checkpoint) = (&self.set, &ticket.checkpoint);
        let signers = ticket.certificate.signers();
        vec![
            Step::new("format", &[], read.form.clone()),
            Step::new("network", &[Code::NetworkMismatch], self.network.network_id.to_string()),
            Step::new("era", &[Code::EraMismatch], checkpoint.era.to_string()),
            Step::new(
                "set",
                &[Code::SetExpired, Code::SetMismatch],
                format!("number {}, expires {}", set.number(), time::show(set.not_after(), clock)),
            ),
            Step::new(
                "certificate",
                &[
                    Code::CertificateMalformed,
                    Code::QuorumMissing,
                    Code::CertificateSignatureInvalid,
                ],
                format!(
                    "{signers} of {} validators signed the checkpoint of block {}, {}",
                    set.members().len(),
                    checkpoint.block_number,
                    time::show(checkpoint.block_time, clock)
                ),
            ),
            Step::new(
                "evidence",
                &[Code::EvidenceMismatch],
                format!("{} bytes of signatures, as the record commits to", ticket.evidence.len()),
            ),
            Step::new(
                "inclusion",
                &[Code::InclusionPathInvalid, Code::InclusionRootMismatch],
                format!(
                    "record {} of a log of {}, {} from the certified root",
                    ticket.record.index,
                    count(checkpoint.size, "record"),
                    count(u32::try_from(ticket.path.len()).unwrap_or(u32::MAX), "node")
                ),
            ),
        ]
    }

    /// Verifies a ticket at `clock`.
    pub(crate) fn verify(&self, read: &ReadTicket, clock: u64) -> Result<Verdict> {
        let refusal = self.verifier()?.verify_ticket(&read.ticket, clock).err();
        let verdict = Verdict::new(self.ticket_steps(read, clock), refusal, clock);
        Ok(verdict.about(self.allocation(read)))
    }

    /// What a ticket is about, for programs.
    pub(crate) fn allocation(&self, read: &ReadTicket) -> Option<Allocation> {
        Allocation::of(&read.ticket.record, &self.network.domain())
    }
}

/// The allocation of a record, if it is one.
pub(crate) const fn allocation(record: &Record) -> Option<&AllocationBody> {
    match &record.body {
        Body::Allocation(body) => Some(body),
        _ => None,
    }
}

/// A verb about a window of time, as it is said when the clock shows `clock`; the end is outside.
fn tense(window: Range<u64>, clock: u64, [before, during, after]: [&str; 3]) -> &str {
    match clock {
        clock if clock < window.start => before,
        clock if clock < window.end => during,
        _ => after,
    }
}

/// What a record says, in one sentence.
pub(crate) fn sentence(record: &Record, clock: u64) -> String {
    match &record.body {
        Body::Genesis(body) => format!("the network {} began", body.network_id),
        Body::Announcement(body) => format!(
            "{} {} {} from {} to {}",
            body.provider,
            tense(body.start_time..body.end_time, clock, ["will offer", "offers", "offered"]),
            count(body.volume, "unit"),
            time::show(body.start_time, clock),
            time::show(body.end_time, clock)
        ),
        Body::Allocation(body) => format!(
            "{} {} {} of resource {} from {} to {}",
            body.requester,
            tense(body.start_time..body.end_time, clock, ["will hold", "holds", "held"]),
            count(body.volume, "unit"),
            body.resource_id,
            time::show(body.start_time, clock),
            time::show(body.end_time, clock)
        ),
        Body::Release(body) => format!(
            "{} gave {} back from {} on",
            body.requester,
            count(body.volume, "unit"),
            time::show(body.from_time, clock)
        ),
        Body::Withdrawal(body) => {
            format!("{} withdrew resource {}", body.provider, body.resource_id)
        }
        Body::Open { kind, bytes } => {
            format!("{} appended {} bytes of kind {kind}", record.writer, bytes.len())
        }
    }
}
