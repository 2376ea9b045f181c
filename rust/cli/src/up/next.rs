//! What the reader can do with a network that runs: commands to copy, and the environment that
//! makes them short.

use super::place::Place;
use crate::error::{Context, Result};
use crate::files::{self, Existing};
use crate::local::{Nodes, program, shown};
use std::path::Path;

/// The file that a shell reads.
const FILE: &str = "env";
/// What this machine was offered with; `announce` never overwrites it.
const ANNOUNCEMENT: &str = "announcement.json";

/// Writes the variables that name this network to every command.
pub(crate) fn write_environment(place: &Place, nodes: &Nodes) -> Result<()> {
    let folder = place.folder.path();
    let cannot = format!("cannot name `{}`", folder.display());
    // Commands may be typed in any folder.
    let folder = std::path::absolute(folder).context(cannot)?;
    let path = |name: &str| folder.join(name).display().to_string();
    let text: String = [
        ("FALLOW_NETWORK", path("network.json")),
        ("FALLOW_KEYS", path("keys")),
        ("FALLOW_PASSWORD_FILE", path("password")),
        ("FALLOW_SIDECHAIN", nodes.sidechain.clone()),
        ("FALLOW_FINALITY", nodes.finality.to_owned()),
        ("FALLOW_MAINNET", nodes.mainnet.clone()),
        ("FALLOW_NODE", nodes.api.clone()),
        ("FALLOW_STATE", path("state")),
    ]
    .iter()
    .map(|(name, value)| format!("export {name}={}\n", shown(&[value])))
    .collect();
    files::write(&place.folder.join(FILE), text.as_bytes(), Existing::Replace)
}

/// Commands that work as they stand, each with what it does.
pub(crate) fn steps(folder: &Path, api: &str) -> Vec<(&'static str, String)> {
    let program = program();
    let file = |name: &str| shown(&[folder.join(name).display().to_string()]);
    let (offer, announcement) = (file("offer.json"), file(ANNOUNCEMENT));
    let mut steps = vec![(
        "name this network to the commands below, once in each shell",
        format!(". {}", dot(&file(FILE))),
    )];
    if folder.join(ANNOUNCEMENT).exists() {
        steps.push((
            "see what is offered, and how much of it is free",
            format!("{program} resources"),
        ));
    } else {
        steps.push(("describe this machine", format!("{program} offer detect --out {offer}")));
        steps.push((
            "offer it",
            format!("{program} announce --offer {offer} --key provider --out {announcement}"),
        ));
    }
    steps.extend([
        (
            "ask for a part of it",
            format!(
                "{program} request --announcement {announcement} --volume 1 --for 2h --key \
                 requester"
            ),
        ),
        ("see how sure that is: recorded, anchored, settled", format!("{program} requests")),
        ("ask the node itself", format!("curl -s {api}/v1/status")),
    ]);
    steps
}

/// A shell looks for a name without a folder in its search path.
fn dot(file: &str) -> String {
    if file.contains('/') { file.to_owned() } else { format!("./{file}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_works_in_every_folder() {
        let steps = steps(Path::new("my net"), "http://127.0.0.1:1");
        assert_eq!(steps[0].1, ". 'my net/env'");
        assert_eq!(dot("env"), "./env");
        assert!(steps.iter().all(|(what, command)| !what.is_empty() && !command.is_empty()));
    }

    #[test]
    fn a_machine_that_is_offered_is_not_offered_again() {
        let dir = tempfile::tempdir().unwrap();
        let offers = || {
            let steps = steps(dir.path(), "http://127.0.0.1:1");
            steps.iter().filter(|(_, command)| command.contains("announce --offer")).count()
        };
        assert_eq!(offers(), 1);
        std::fs::write(dir.path().join(ANNOUNCEMENT), "x").unwrap();
        assert_eq!(offers(), 0, "the file is in the way");
    }
}
