//! What a person sees: redrawn in place on a terminal, a line for each change elsewhere.

use super::daemon::Daemon;
use super::levels::Levels;
use super::next;
use super::place::Place;
use crate::error::{Context, Result};
use crate::printer::{BAD, COMMAND, DIM, GOOD, HEAD, Printer};
use anstream::adapter::strip_str;
use fallow_devnet::{ChainPhase, ChainState, Keeper, KeptNetwork, Opened};
use fallow_node_client::types::StatusAnswer;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal as _;
use std::time::Duration;

/// Everything that is shown.
pub(crate) struct View<'a> {
    /// Of the ledger.
    pub(crate) levels: &'a Levels,
    /// Sidechain and mainnet.
    pub(crate) chains: [&'a Keeper; 2],
    /// All daemons.
    pub(crate) daemons: &'a [Daemon],
    /// How long this `up` runs.
    pub(crate) running: Duration,
}

/// Where it is shown.
pub(crate) struct Screen<'a> {
    printer: &'a mut Printer,
    /// Below everything that was printed, where there is a terminal.
    live: Option<ProgressBar>,
    api: String,
    folder: std::path::PathBuf,
    is_ready: bool,
    /// The last line of a screen that is not redrawn.
    last: String,
}

impl<'a> Screen<'a> {
    /// Introduces the network.
    pub(crate) fn start(
        printer: &'a mut Printer,
        place: &Place,
        network: &KeptNetwork,
        opened: Opened,
        daemons: &[Daemon],
    ) -> Result<Self> {
        let (id, folder) = (network.network.network_id, place.folder.path().to_path_buf());
        let word = match opened {
            Opened::Founded => "a new network",
            Opened::Resumed => "the network, resumed",
        };
        printer.line(format_args!("{HEAD}{word} in `{}`{HEAD:#}", folder.display()))?;
        printer.field("network", id)?;
        for chain in [&network.sidechain, &network.mainnet] {
            let (block, id) = (chain.state().block, chain.chain_id());
            let text = format!("{}, chain {id}, block {block}", chain.url());
            printer.field(chain.name(), text)?;
        }
        printer.field("processes", list(network, daemons))?;
        printer.field("API", place.api())?;
        let live = live()?;
        Ok(Self { printer, live, api: place.api(), folder, is_ready: false, last: String::new() })
    }

    /// Something that happened.
    pub(crate) fn news(&mut self, text: &str) -> Result<()> {
        self.line(&format!("{BAD}!{BAD:#} {text}"))
    }

    /// Shows how everything is. Returns whether the network takes messages for the first time.
    pub(crate) fn show(&mut self, view: &View<'_>) -> Result<bool> {
        let is_first = view.levels.is_ready() && !self.is_ready;
        if is_first {
            self.is_ready = true;
            self.ready(view.running)?;
        }
        match &self.live {
            Some(live) => {
                let text = lines(view).join("\n");
                live.set_message(if self.printer.has_colour() {
                    text
                } else {
                    strip_str(&text).to_string()
                });
            }
            None => self.changed(view)?,
        }
        Ok(is_first)
    }

    fn ready(&mut self, after: Duration) -> Result<()> {
        let seconds = after.as_secs_f64();
        self.line(&format!("{GOOD}ready{GOOD:#} in {seconds:.1} s: the node takes messages"))?;
        self.line("")?;
        self.line(&format!("{HEAD}What to try next, in another terminal{HEAD:#}"))?;
        for (what, command) in next::steps(&self.folder, &self.api) {
            self.line(&format!("    {DIM}{what}{DIM:#}"))?;
            self.line(&format!("    {COMMAND}{command}{COMMAND:#}"))?;
        }
        self.line("")
    }

    /// One line when something changed.
    fn changed(&mut self, view: &View<'_>) -> Result<()> {
        let text = match view.levels.answer() {
            Ok(status) => plain_levels(status),
            Err(why) if self.is_ready => format!("the node does not answer: {why}"),
            // Until it is there, a node that does not answer is no news.
            Err(_) => return Ok(()),
        };
        if text != self.last {
            self.printer.line(&text)?;
            self.last = text;
        }
        Ok(())
    }

    /// The network has ended in order.
    pub(crate) fn end(mut self) -> Result<()> {
        if let Some(live) = self.live.take() {
            live.finish_and_clear();
        }
        let folder = self.folder.display();
        self.printer.line(format_args!("all ended; `{folder}` has everything, `up` resumes it"))
    }

    fn line(&mut self, text: &str) -> Result<()> {
        match &self.live {
            // Above what is redrawn.
            Some(live) => {
                let mut printed = Ok(());
                live.suspend(|| printed = self.printer.line(text));
                printed
            }
            None => self.printer.line(text),
        }
    }
}

/// Something to redraw, where there is a terminal that can.
fn live() -> Result<Option<ProgressBar>> {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
    if is_dumb || !std::io::stdout().is_terminal() {
        return Ok(None);
    }
    let style = ProgressStyle::with_template("{msg}").context("cannot draw")?;
    let live = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
    live.set_style(style);
    Ok(Some(live))
}

fn lines(view: &View<'_>) -> Vec<String> {
    let field = |name: &str, text: String| format!("{DIM}{name:<12}{DIM:#} {text}");
    let [side, main] = view.chains.map(Keeper::state);
    let mut lines = match view.levels.answer() {
        Ok(status) => vec![
            field("levels", levels(status, view.levels.rate())),
            field("node", node(status, side.block)),
        ],
        Err(why) => vec![field("node", format!("{BAD}does not answer{BAD:#}: {why}"))],
    };
    lines.push(field("sidechain", chain(&side)));
    lines.push(field("mainnet", chain(&main)));
    lines.push(field("processes", processes(view.daemons)));
    let running = view.running.as_secs();
    let running = format!("{} min {:02} s", running / 60, running % 60);
    lines.push(field("running", format!("{running}; Ctrl-C ends it, `up` resumes it")));
    lines
}

fn plain_levels(status: &StatusAnswer) -> String {
    format!(
        "records {}, certified {}, anchored {}, settled {}{}",
        status.size,
        status.certified_size,
        status.anchored_size,
        status.settled_size,
        status.not_ready.as_ref().map_or_else(String::new, |why| format!("; not ready: {why}"))
    )
}

fn levels(status: &StatusAnswer, rate: f64) -> String {
    format!(
        "recorded {HEAD}{}{HEAD:#}  certified {HEAD}{}{HEAD:#}  anchored {HEAD}{}{HEAD:#}  settled \
         {HEAD}{}{HEAD:#}  ({rate:.1} records/s)",
        status.size, status.certified_size, status.anchored_size, status.settled_size
    )
}

fn node(status: &StatusAnswer, latest: u64) -> String {
    let behind = latest.saturating_sub(status.block);
    let (block, open) = (status.block, status.open_promises);
    let word = match &status.not_ready {
        None => format!("{GOOD}ready{GOOD:#}"),
        Some(why) => format!("{BAD}not ready{BAD:#}: {why}"),
    };
    format!("{word}, block {block} ({behind} behind), {open} promises open")
}

fn chain(state: &ChainState) -> String {
    let again = restarts(state.restarts);
    match &state.phase {
        ChainPhase::Running => {
            format!("block {}, process {}{again}", state.block, state.process)
        }
        ChainPhase::Resuming { done, of } => format!("resuming, block {done} of {of}{again}"),
        ChainPhase::Down { why } => format!("{BAD}down{BAD:#}, starting it again{again}: {why}"),
    }
}

fn processes(daemons: &[Daemon]) -> String {
    let one = |daemon: &Daemon| {
        let again = restarts(daemon.restarts());
        match daemon.process_id() {
            Some(id) => format!("{} {GOOD}{id}{GOOD:#}{again}", daemon.name()),
            None => format!("{} {BAD}dead{BAD:#}{again}", daemon.name()),
        }
    };
    daemons.iter().map(one).collect::<Vec<_>>().join("  ")
}

/// Every process with its id.
fn list(network: &KeptNetwork, daemons: &[Daemon]) -> String {
    let chains = [&network.sidechain, &network.mainnet];
    let chains = chains.map(|chain| format!("{} {}", chain.name(), chain.state().process));
    let daemons = daemons.iter().filter_map(|daemon| {
        let id = daemon.process_id()?;
        Some(format!("{} {id}", daemon.name()))
    });
    chains.into_iter().chain(daemons).collect::<Vec<_>>().join("  ")
}

fn restarts(count: u32) -> String {
    match count {
        0 => String::new(),
        1 => " (started again once)".to_owned(),
        more => format!(" (started again {more} times)"),
    }
}
