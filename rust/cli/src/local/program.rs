//! How this program is named to people, and what its processes have to say.

use crate::error::{Failure, chain};
use fallow_devnet::DevnetError;

/// Cargo names itself to what it runs; then the reader types `cargo run`, too.
pub(crate) fn program() -> String {
    if std::env::var_os("CARGO").is_some() {
        return "cargo run -q -p fallow-cli --".to_owned();
    }
    std::env::args().next().map_or_else(|| "fallow".to_owned(), |name| shown(&[name]))
}

/// A command line for people: what a shell would split is quoted.
pub(crate) fn shown<T: AsRef<str>>(args: &[T]) -> String {
    let plain = |symbol: char| symbol.is_ascii_alphanumeric() || "-_./:+=,@".contains(symbol);
    let quote = |arg: &T| {
        let arg = arg.as_ref();
        if !arg.is_empty() && arg.chars().all(plain) {
            arg.to_owned()
        } else {
            format!("'{}'", arg.replace('\'', r"'\''"))
        }
    };
    args.iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// An error of the processes of a network on this machine.
pub(crate) fn devnet_failure(error: &DevnetError) -> Failure {
    let failure = Failure::new(chain(error));
    match error {
        DevnetError::AnvilMissing | DevnetError::AnvilPath(_) => {
            failure.hint("`npm ci` in the repository installs it, or name it with `FALLOW_ANVIL`")
        }
        DevnetError::PortTaken(_) => failure.hint(
            "the network keeps its ports; end the program that has it, or begin a new network \
             with `--dir` or `--fresh`",
        ),
        DevnetError::Journal { .. }
        | DevnetError::Replayed { .. }
        | DevnetError::ChainsGone(_)
        | DevnetError::Damaged { .. } => failure.hint(
            "restore the folder from a backup, use the anvil that it was made with, or begin a \
             new network with `--fresh`, which deletes this one",
        ),
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_survive_a_shell() {
        assert_eq!(shown(&["verify", "a b", "it's", ""]), r"verify 'a b' 'it'\''s' ''");
    }
}
