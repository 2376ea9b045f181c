//! Tells the story, and runs the commands in it: this same program, each as a process of its own
//! that ends with us.

use crate::error::{Context, Failure, Result};
use crate::local::{Folder, Nodes, devnet_failure, shown};
use crate::printer::{COMMAND, DIM, HEAD, Printer};
use alloy_primitives::B256;
use anstream::adapter::strip_str;
use fallow_devnet::{DevnetError, ManagedProcess, ProcessSpec};
use std::path::PathBuf;
use std::time::Duration;

/// Longest that one command of the story may take; usual is a second or two.
const PATIENCE: Duration = Duration::from_secs(60);

/// How much of what a command prints is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Show {
    /// All of it.
    Everything,
    /// What failed, and the verdict.
    Refusal,
    /// Nothing.
    Nothing,
}

/// Where the story is told.
pub(crate) struct Stage<'a> {
    /// The demo's folder.
    pub(crate) folder: Folder,
    /// This program.
    pub(crate) program: PathBuf,
    printer: &'a mut Printer,
    steps: u32,
}

impl Show {
    fn has(self, line: &str) -> bool {
        let plain = strip_str(line).to_string();
        match self {
            // What to do next is told at the end.
            Self::Everything => !plain.starts_with("hint: "),
            Self::Refusal => plain.starts_with("NO ") || plain.starts_with("refused"),
            Self::Nothing => false,
        }
    }
}

/// How a command of the story ended.
#[derive(Debug)]
pub(crate) struct Ran {
    name: String,
    code: Option<i32>,
    output: String,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(folder: Folder, printer: &'a mut Printer) -> Result<Self> {
        let program = std::env::current_exe().context("cannot find this program")?;
        Ok(Self { folder, program, printer, steps: 0 })
    }

    /// A file of the demo's folder as it is named on a command line.
    pub(crate) fn path(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    pub(crate) fn title(&mut self, text: &str) -> Result<()> {
        self.printer.line(format_args!("{HEAD}{text}{HEAD:#}"))
    }

    /// The next thing that happens.
    pub(crate) fn step(&mut self, text: &str) -> Result<()> {
        self.steps = self.steps.saturating_add(1);
        let number = self.steps;
        self.printer.line("")?;
        self.printer.line(format_args!("{HEAD}{number:>2}  {text}{HEAD:#}"))
    }

    /// What is seen.
    pub(crate) fn say(&mut self, text: &str) -> Result<()> {
        self.printer.line(format_args!("    {text}"))
    }

    /// Why it can be trusted.
    pub(crate) fn why(&mut self, text: &str) -> Result<()> {
        wrap(text)
            .into_iter()
            .try_for_each(|line| self.printer.line(format_args!("    {DIM}{line}{DIM:#}")))
    }

    /// A command as the reader could type it.
    pub(crate) fn command(&mut self, text: &str) -> Result<()> {
        self.printer.line(format_args!("    {COMMAND}{text}{COMMAND:#}"))
    }

    /// Runs a command that talks to no chain.
    pub(crate) async fn run(&mut self, name: &str, args: &[&str]) -> Result<Ran> {
        self.perform(name, args, &[], Show::Everything).await
    }

    /// Runs a command that talks to no chain and will be refused; shows why.
    pub(crate) async fn run_refused(&mut self, name: &str, args: &[&str]) -> Result<Ran> {
        self.perform(name, args, &[], Show::Refusal).await
    }

    /// Runs a command that signs with somebody's key, through the node.
    pub(crate) async fn sign(
        &mut self,
        nodes: &Nodes,
        name: &str,
        signer: &str,
        args: &[&str],
    ) -> Result<Ran> {
        let node = self.folder.node_args(nodes);
        let places = [node, self.network_args(), self.key_args()].concat();
        let args = [args, &["--key", signer]].concat();
        self.perform(name, &args, &places, Show::Everything).await
    }

    /// Runs a command that asks the node.
    pub(crate) async fn run_through_node(
        &mut self,
        nodes: &Nodes,
        name: &str,
        args: &[&str],
    ) -> Result<Ran> {
        let extra = [self.folder.node_args(nodes), self.network_args()].concat();
        self.perform(name, args, &extra, Show::Everything).await
    }

    /// Runs a command that reads both chains.
    pub(crate) async fn run_on_both(
        &mut self,
        nodes: &Nodes,
        name: &str,
        args: &[&str],
    ) -> Result<Ran> {
        let extra = [nodes.args(), self.network_args()].concat();
        self.perform(name, args, &extra, Show::Nothing).await
    }

    /// `extra` names files and nodes; it is left out of what is shown.
    async fn perform(
        &mut self,
        name: &str,
        args: &[&str],
        extra: &[String],
        show: Show,
    ) -> Result<Ran> {
        let more = if extra.is_empty() { "" } else { " ..." };
        self.command(&format!("$ fallow {}{more}", shown(args)))?;
        let mut spec =
            ProcessSpec::new(name, &self.program, &self.folder.logs()).args(args).args(extra);
        if self.printer.has_colour() {
            spec = spec.env("CLICOLOR_FORCE", "1");
        }
        let ran = finish(&spec).await.map_err(|error| devnet_failure(&error))?;
        for line in ran.output.lines().filter(|line| show.has(line)) {
            self.printer.line(format_args!("      {line}"))?;
        }
        Ok(ran)
    }

    /// `--network` with the demo's file.
    pub(crate) fn network_args(&self) -> Vec<String> {
        self.folder.network_args()
    }

    /// Where the demo's keys are.
    pub(crate) fn key_args(&self) -> Vec<String> {
        self.folder.key_args()
    }
}

async fn finish(spec: &ProcessSpec) -> std::result::Result<Ran, DevnetError> {
    let mut process = ManagedProcess::spawn(spec)?;
    let status = process.wait(PATIENCE).await?;
    Ok(Ran { name: spec.name.clone(), code: status.code(), output: process.log()? })
}

impl Ran {
    /// The command did what it should.
    pub(crate) fn done(self) -> Result<Self> {
        self.ended_with(0)?;
        Ok(self)
    }

    /// The command said no, and said `part`.
    pub(crate) fn refused_by(&self, part: &str) -> Result<()> {
        self.ended_with(1)?;
        self.says(part)
    }

    fn ended_with(&self, want: i32) -> Result<()> {
        if self.code == Some(want) {
            return Ok(());
        }
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        Err(unexpected(&self.name, &format!("ended with {code}, expected {want}"), &self.output))
    }

    /// What the command printed, without colour.
    fn plain(&self) -> String {
        strip_str(&self.output).to_string()
    }

    /// The command printed `part`.
    pub(crate) fn says(&self, part: &str) -> Result<()> {
        if self.plain().contains(part) {
            return Ok(());
        }
        Err(unexpected(&self.name, &format!("did not say `{part}`"), &self.output))
    }

    /// The first id that the command printed on a line of its own.
    pub(crate) fn first_id(&self) -> Result<String> {
        let plain = self.plain();
        let id = plain.lines().find(|line| line.parse::<B256>().is_ok());
        id.map(str::to_owned).ok_or_else(|| unexpected(&self.name, "printed no id", &self.output))
    }
}

/// The demo fails when anything comes out other than told.
fn unexpected(name: &str, what: &str, output: &str) -> Failure {
    let plain = strip_str(output).to_string();
    let last = plain.lines().last().unwrap_or("nothing").to_owned();
    Failure::refused(format_args!("the demo's command `{name}` {what}; it said: {last}"))
        .hint("this is a bug of the demo or of what it shows; its logs are in its folder")
}

/// Lines of at most 92 characters.
fn wrap(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.len().saturating_add(word.len()) < 92 => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// Something that went other than told, outside of commands.
pub(crate) fn not_as_told(what: &str) -> Failure {
    Failure::refused(format_args!("the demo did not go as told: {what}"))
        .hint("this is a bug; the logs are in the demo's folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_reasons_are_wrapped() {
        let lines = wrap(&"word ".repeat(40));
        assert!(lines.len() > 1);
        assert!(lines.iter().all(|line| line.len() <= 92));
    }
}
