//! What the reader can do with the files that stay.

use super::stage::Stage;
use crate::error::Result;
use crate::local::{program, shown};
use std::time::Duration;

/// Prints commands that work as they stand.
pub(crate) fn steps(stage: &mut Stage<'_>, took: Duration) -> Result<()> {
    let folder = stage.folder.path().display().to_string();
    stage.step(&format!("What to try next with the files in `{folder}`"))?;
    let (program, network) = (program(), shown(&stage.network_args()));
    let file = |name: &str| shown(&[stage.path(name)]);
    let (ticket, nonce, grant) = (file("ticket.json"), file("nonce.json"), file("grant.json"));
    let (announcement, offer) = (file("announcement.json"), file("offer.json"));
    let keys = shown(&stage.key_args());
    let door = format!(
        "{program} access verify --ticket {ticket} --grant {grant} --nonce {nonce} --announcement \
         {announcement} {network}"
    );
    let tries = [
        ("verify the ticket, without any network", format!("{program} verify {ticket} {network}")),
        ("the same a month later", format!("{program} verify {ticket} {network} --at +30d")),
        ("the offer that the announcement's hash names", format!("{program} offer show {offer}")),
        ("open the door with a fresh nonce and grant (twice: the second is refused)", door),
        (
            "issue a new nonce",
            format!("{program} access nonce --announcement {announcement} --out {nonce} {network}"),
        ),
        (
            "and answer it",
            format!(
                "{program} access grant --ticket {ticket} --nonce {nonce} --key requester --out \
                 {grant} {network} {keys}"
            ),
        ),
        ("everybody's keys", format!("{program} keys list --keys-dir {}", file("keys"))),
    ];
    for (what, command) in tries {
        stage.why(what)?;
        stage.command(&command)?;
    }
    stage.say("")?;
    stage.say(&format!("done in {}.{} s", took.as_secs(), took.subsec_millis() / 100))
}
