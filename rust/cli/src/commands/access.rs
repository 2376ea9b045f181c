//! `fallow access`: nonce, grant, verify, as files over any channel.

use crate::args::access::{Access, Grant, Nonce, Verify};
use crate::error::{ExitStatus, Failure, Result};
use crate::files::{self, Existing};
use crate::messages;
use crate::nonce::IssuedNonce;
use crate::printer::Printer;
use crate::proof::{self, ReadTicket, Trusted};
use crate::verdict::{Step, Verdict};
use crate::{signer, time};
use alloy_primitives::B256;
use fallow_light_client::Access as Presented;
use fallow_protocol::{
    AccessGrant, AnnouncementFile, Code, FILE_VERSION, GrantFile, NetworkFile, NonceFile, Refusal,
};
use rand::Rng;
use serde::Serialize;
use std::path::Path;

pub(crate) fn access(args: &Access, printer: &mut Printer) -> Result<ExitStatus> {
    match args {
        Access::Nonce(args) => nonce(args, printer),
        Access::Grant(args) => grant(args, printer),
        Access::Verify(args) => verify(args, printer),
    }
}

fn nonce(args: &Nonce, printer: &mut Printer) -> Result<ExitStatus> {
    let network = files::read_network(&args.network.network)?;
    let announcement = messages::read_own_announcement(&args.announcement, &network)?;
    let mut nonce = [0_u8; 32];
    rand::rng().fill_bytes(&mut nonce);
    let file = NonceFile {
        version: FILE_VERSION,
        network_id: network.network_id,
        provider: announcement.announcement.provider,
        nonce: nonce.into(),
    };
    files::write_json(&args.out, &file, Existing::Replace)?;
    printer.note(format_args!("wrote `{}`; send it to the requester", args.out.display()))?;
    Ok(ExitStatus::Done)
}

fn grant(args: &Grant, printer: &mut Printer) -> Result<ExitStatus> {
    let clock = time::clock(args.at.as_ref())?;
    let network = files::read_network(&args.network.network)?;
    let read = proof::read_ticket(&args.ticket)?;
    let asked: NonceFile = files::read_message(&args.nonce, "nonce file")?;
    messages::require_network(&args.nonce, asked.network_id, &network)?;
    let Some(body) = proof::allocation(&read.ticket.record) else {
        let what = format!("`{}` is no ticket of an allocation", args.ticket.display());
        return Err(Failure::refused(what).hint("only an allocation opens a door"));
    };
    let key = signer::account(&args.key, &args.store)?;
    if key.address() != body.requester {
        let what = format!("`{}` is the key of {}", args.key, key.address());
        return Err(Failure::refused(what)
            .hint(format_args!("the allocation belongs to {}", body.requester)));
    }
    let grant = AccessGrant {
        request_id: body.request_id(&network.domain()),
        provider: asked.provider,
        nonce: asked.nonce,
        expires_at: clock.saturating_add(args.valid_for.0),
        session_key: args.session_key.unwrap_or(B256::ZERO),
    };
    let signed = sign(grant, &network, &key);
    if args.out == Path::new(files::STANDARD) {
        printer.text(files::to_json(&signed)?)?;
    } else {
        files::write_json(&args.out, &signed, Existing::Replace)?;
    }
    let until = time::show(grant.expires_at, clock);
    printer.note(format_args!("granted to {} until {until}", grant.provider))?;
    Ok(ExitStatus::Done)
}

/// A grant as a file.
pub(crate) fn sign(
    grant: AccessGrant,
    network: &NetworkFile,
    key: &fallow_protocol::SecretKey,
) -> GrantFile {
    GrantFile {
        version: FILE_VERSION,
        network_id: network.network_id,
        grant,
        signature: key.sign(grant.id(&network.domain())),
    }
}

/// Everything that `access verify` looks at.
struct Door {
    trusted: Trusted,
    read: ReadTicket,
    grant: GrantFile,
    nonce: IssuedNonce,
    announcement: AnnouncementFile,
    clock: u64,
}

impl Door {
    fn open(args: &Verify) -> Result<Self> {
        let trusted = Trusted::read(&args.trust)?;
        let announcement = messages::read_own_announcement(&args.announcement, &trusted.network)?;
        let nonce = IssuedNonce::read(&args.nonce)?;
        messages::require_network(&args.nonce, nonce.file.network_id, &trusted.network)?;
        Ok(Self {
            read: proof::read_ticket(&args.ticket)?,
            grant: files::read_message(&args.grant, "access grant")?,
            clock: time::clock(args.at.as_ref())?,
            trusted,
            nonce,
            announcement,
        })
    }

    fn verify(&self) -> Result<Verdict> {
        let refusal = match self.grant_network() {
            Some(refusal) => Some(refusal),
            None => self.judge()?,
        };
        Ok(self.verdict(refusal))
    }

    fn verdict(&self, refusal: Option<Refusal>) -> Verdict {
        let allocation = self.trusted.allocation(&self.read);
        Verdict::new(self.steps(), refusal, self.clock).about(allocation)
    }

    /// The file says for which network its signature is; that it is so, the signature shows.
    fn grant_network(&self) -> Option<Refusal> {
        let (got, want) = (self.grant.network_id, self.trusted.network.network_id);
        (got != want).then(|| Refusal::new(Code::NetworkMismatch, got, want))
    }

    fn judge(&self) -> Result<Option<Refusal>> {
        let presented = Presented {
            grant: &self.grant.grant,
            signature: &self.grant.signature,
            announcement: &self.announcement.announcement,
            nonce: self.nonce.file.nonce,
        };
        let mut verifier = self.trusted.verifier()?;
        let verified = verifier.verify_access(&self.read.ticket, &presented, self.clock);
        let refusal = verified.err();
        if self.nonce.is_spent()? && comes_after_nonce(refusal) {
            return Ok(Some(self.nonce_spent()));
        }
        Ok(refusal)
    }

    fn nonce_spent(&self) -> Refusal {
        Refusal::new(Code::NonceSpent, self.nonce.file.nonce, 0_u64)
    }

    fn steps(&self) -> Vec<Step> {
        let grant = &self.grant.grant;
        let id = self.announcement.announcement.id(&self.trusted.network.domain());
        let mut steps = self.trusted.ticket_steps(&self.read, self.clock);
        steps.extend([
            Step::new("allocation", &[Code::RecordKindMismatch], "the record is one".into()),
            Step::new("resource", &[Code::ResourceMismatch], format!("{id}, this provider's own")),
            Step::new("door", &[Code::ProviderMismatch], format!("granted to {}", grant.provider)),
            Step::new(
                "nonce",
                &[Code::NonceMismatch, Code::NonceSpent],
                "issued here and unspent".into(),
            ),
            Step::new(
                "grant",
                &[Code::GrantExpired],
                format!("valid until {}", time::show(grant.expires_at, self.clock)),
            ),
            Step::new("request", &[Code::RequestMismatch], grant.request_id.to_string()),
            Step::new("requester", &[Code::GrantSignatureInvalid], self.requester()),
            Step::new("slot", &[Code::SlotNotStarted, Code::SlotEnded], self.slot()),
        ]);
        steps
    }

    fn requester(&self) -> String {
        let body = proof::allocation(&self.read.ticket.record);
        body.map_or_else(String::new, |body| format!("{} signed the grant", body.requester))
    }

    fn slot(&self) -> String {
        let body = proof::allocation(&self.read.ticket.record);
        body.map_or_else(String::new, |body| {
            format!(
                "from {} to {}",
                time::show(body.start_time, self.clock),
                time::show(body.end_time, self.clock)
            )
        })
    }
}

/// Whether the rule that failed, if any, stands after that of the spent nonce in section 13; the
/// light client does not know which nonces are spent.
fn comes_after_nonce(refusal: Option<Refusal>) -> bool {
    const LATER: [Code; 5] = [
        Code::GrantExpired,
        Code::RequestMismatch,
        Code::GrantSignatureInvalid,
        Code::SlotNotStarted,
        Code::SlotEnded,
    ];
    refusal.is_none_or(|refusal| LATER.contains(&refusal.code))
}

/// An access verdict as `--json` shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccessJson<'a> {
    #[serde(flatten)]
    verdict: crate::verdict::VerdictJson<'a>,
    nonce_spent: bool,
}

fn verify(args: &Verify, printer: &mut Printer) -> Result<ExitStatus> {
    let door = Door::open(args)?;
    let mut verdict = door.verify()?;
    let spend = verdict.refusal().is_none() && !args.keep_nonce;
    // Durable before the verdict is visible: a crash between the two costs a grant, never a door.
    if spend && !door.nonce.spend()? {
        verdict = door.verdict(Some(door.nonce_spent()));
    }
    let spent = spend && verdict.refusal().is_none();
    if args.output.json {
        printer.json(&AccessJson { verdict: verdict.json(), nonce_spent: spent })?;
        return Ok(verdict.status());
    }
    verdict.print(printer)?;
    let record = &door.read.ticket.record;
    verdict.conclude(&format!("let in: {}", proof::sentence(record, door.clock)), printer)?;
    if spent {
        printer.note(format_args!("the nonce is spent: `{}`", door.nonce.marker().display()))?;
    }
    Ok(verdict.status())
}
