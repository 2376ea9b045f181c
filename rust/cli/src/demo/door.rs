//! The provider's door: who is let in, and who is not, with the reason of each.

use super::network::Ended;
use super::stage::{Ran, Stage, not_as_told};
use crate::commands::access::sign;
use crate::error::Result;
use crate::files::{self, Existing};
use crate::printer::GOOD;
use crate::proof;
use fallow_devnet::DevAccount;
use fallow_protocol::{Body, Code, GrantFile, NetworkFile, Set, Ticket};
use std::path::Path;

/// A grant that outlives the slot, so that the slot's own end can be shown.
const VALID_FOR: &str = "2d";

/// The provider verifies ticket and grant, with nothing but files.
pub(crate) async fn verify_offline(stage: &mut Stage<'_>) -> Result<()> {
    stage.step("The requester comes to the provider's door; the provider verifies, offline")?;
    exchange(stage, "first").await?;
    let args = door(stage, &stage.path("ticket.json"), &[]);
    let opened = stage.run("door", &refs(&args)).await?.done()?;
    opened.says("proven: let in")?;
    stage.why(
        "the provider trusts one set of validators and its own clock, nothing else; the nonce \
         is spent, so nobody can play this back",
    )
}

/// Nonce and grant, as files.
async fn exchange(stage: &mut Stage<'_>, name: &str) -> Result<()> {
    let (nonce, grant) = (stage.path("nonce.json"), stage.path("grant.json"));
    let network = stage.network_args();
    let announcement = stage.path("announcement.json");
    let args = ["access", "nonce", "--announcement", &announcement, "--out", &nonce];
    let args = [&args[..], &refs(&network)].concat();
    stage.run(&format!("{name}-nonce"), &args).await?.done()?;
    let ticket = stage.path("ticket.json");
    let keys = stage.key_args();
    let args = ["access", "grant", "--ticket", &ticket, "--nonce", &nonce, "--key", "requester"];
    let args = [&args[..], &["--valid-for", VALID_FOR, "--out", &grant]].concat();
    let args = [&args[..], &refs(&network), &refs(&keys)].concat();
    stage.run(&format!("{name}-grant"), &args).await?.done()?;
    Ok(())
}

fn refs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// The command that the provider types at its door.
fn door(stage: &Stage<'_>, ticket: &str, more: &[&str]) -> Vec<String> {
    let [nonce, announcement, grant] =
        ["nonce.json", "announcement.json", "grant.json"].map(|name| stage.path(name));
    let mut args = vec!["access", "verify", "--ticket", ticket, "--nonce", &nonce];
    args.extend(["--announcement", &announcement]);
    if !more.contains(&"--grant") {
        args.extend(["--grant", &grant]);
    }
    args.extend(more);
    let args = args.into_iter().map(str::to_owned);
    args.chain(stage.network_args()).collect()
}

/// Knocks at the door in vain.
async fn knock(stage: &mut Stage<'_>, name: &str, ticket: &str, more: &[&str]) -> Result<Ran> {
    let args = door(stage, ticket, more);
    stage.run_refused(name, &refs(&args)).await
}

/// Every other visitor is refused, each with its own reason.
pub(crate) async fn refuse_everybody_else(stage: &mut Stage<'_>, ended: &Ended) -> Result<()> {
    let read = proof::read_ticket(Path::new(&stage.path("ticket.json")))?;
    let Body::Allocation(body) = &read.ticket.record.body else {
        return Err(not_as_told("the ticket is of no allocation"));
    };
    let (ticket, ended_at) = (stage.path("ticket.json"), body.end_time.to_string());

    stage.step("The same grant once more, and everybody else, is refused")?;
    let again = knock(stage, "again", &ticket, &[]).await?;
    expect(stage, &again, "a grant that was used before", Code::NonceSpent)?;
    exchange(stage, "second").await?;

    let stolen = stolen_grant(stage, &ended.network)?;
    let stranger = knock(stage, "stranger", &ticket, &["--grant", &stolen]).await?;
    let code = Code::GrantSignatureInvalid;
    expect(stage, &stranger, "a stranger with the same ticket", code)?;

    let tampered = tampered_ticket(stage, &read.ticket)?;
    let more = knock(stage, "tampered", &tampered, &[]).await?;
    expect(stage, &more, "a ticket that claims more units", Code::InclusionRootMismatch)?;

    let other = other_network(stage, ended)?;
    let args = ["verify", &ticket, "--network", &other];
    let foreign = stage.run_refused("foreign", &args).await?;
    expect(stage, &foreign, "a ticket of another network", Code::NetworkMismatch)?;

    let expired = ended.set.not_after().saturating_add(1).to_string();
    let args = ["verify", &ticket, "--at", &expired];
    let network = stage.network_args();
    let late = stage.run_refused("expired", &[&args[..], &refs(&network)].concat()).await?;
    expect(stage, &late, "a ticket after its validator set expired", Code::SetExpired)?;

    let over = knock(stage, "over", &ticket, &["--at", &ended_at]).await?;
    expect(stage, &over, "a requester whose slots are over", Code::SlotEnded)
}

fn expect(stage: &mut Stage<'_>, ran: &Ran, who: &str, code: Code) -> Result<()> {
    let (number, name) = (code.number(), code.name());
    ran.refused_by(&format!("refused: {number:03} {name}"))?;
    stage.say(&format!("{GOOD}as it should be{GOOD:#}: {who} is refused"))
}

/// The stranger copies the grant and can only sign with its own key.
fn stolen_grant(stage: &Stage<'_>, network: &NetworkFile) -> Result<String> {
    let copied: GrantFile =
        files::read_message(Path::new(&stage.path("grant.json")), "access grant")?;
    let signed = sign(copied.grant, network, DevAccount::new("stranger").key());
    write(stage, "grant-of-a-stranger.json", &signed)
}

/// The same ticket with twice the units in its record.
fn tampered_ticket(stage: &Stage<'_>, ticket: &Ticket) -> Result<String> {
    let mut tampered = ticket.clone();
    if let Body::Allocation(body) = &mut tampered.record.body {
        body.volume = body.volume.saturating_mul(2);
    }
    write(stage, "ticket-tampered.json", &tampered)
}

/// Another network of the same validators: only its random bytes differ.
fn other_network(stage: &Stage<'_>, ended: &Ended) -> Result<String> {
    let mut part = ended.network.network.clone();
    part.random = alloy_primitives::keccak256(part.random);
    let members = ended.set.members().to_vec();
    let set = Set::new(part.network().id(), ended.set.number(), ended.set.not_after(), members)
        .map_err(|error| not_as_told(&error.to_string()))?;
    let mut trust = ended.network.trust;
    trust.set_hash = set.hash();
    let file = NetworkFile::new(part, trust);
    let name = format!("other-network/{}", file.set_file_name());
    files::write(&stage.folder.join(&name), &set.encode(), Existing::Replace)?;
    write(stage, "other-network/network.json", &file)
}

fn write(stage: &Stage<'_>, name: &str, value: &impl serde::Serialize) -> Result<String> {
    files::write_json(&stage.folder.join(name), value, Existing::Replace)?;
    Ok(stage.path(name))
}
