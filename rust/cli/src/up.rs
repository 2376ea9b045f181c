//! `fallow up`: a whole network on this machine, kept in a folder and resumed from it.
//!
//! ```text
//! this process: keepers of both chains, supervisor of the daemons, the screen
//!   anvil x 2    their blocks come from the keepers, each written down before the next
//!   validator x 4, relayer, node: followers with finality 1, so nothing they have acted on is
//!                                 ever missing from a chain that is resumed
//! ```

mod daemon;
mod levels;
mod next;
mod place;
mod screen;

use crate::args::up::Up as Args;
use crate::daemon::{Shutdown, shutdown};
use crate::error::{Context, ExitStatus, Result};
use crate::local::{Daemons, Nodes, VALIDATORS, devnet_failure, furnish};
use crate::printer::Printer;
use daemon::Daemon;
use fallow_devnet::{ChainPhase, DevAccount, Keeper, KeptNetwork, NetworkOptions, Opened};
use levels::Levels;
use place::Place;
use screen::{Screen, View};
use std::time::{Duration, Instant};

/// Everybody with an account and coins.
const PEOPLE: [&str; 5] = ["provider", "requester", "second", "relayer", "node"];
/// Time between two looks at everything.
const LOOK: Duration = Duration::from_millis(250);

/// A running network.
struct Up {
    place: Place,
    network: KeptNetwork,
    opened: Opened,
    /// In the order in which they end: whoever takes messages first.
    daemons: Vec<Daemon>,
}

/// Runs the network until it is told to end.
pub(crate) async fn run(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    let started = Instant::now();
    let mut asked_to_end = shutdown()?;
    let place = Place::open(args)?;
    if place.has_network() {
        printer.note("resuming: every block is executed again, some hundred a second")?;
    }
    let opening = tokio::select! {
        up = Up::open(place) => up,
        // Dropping it ends the chains; whatever they have is written down.
        () = &mut asked_to_end => return Ok(ExitStatus::Done),
    };
    let mut up = opening?;
    let mut screen = Screen::start(printer, &up.place, &up.network, up.opened, &up.daemons)?;
    let shown = up.serve(&mut screen, started, args.until_ready, asked_to_end).await;
    let ended = up.end().await;
    shown.and(ended)?;
    screen.end()?;
    Ok(ExitStatus::Done)
}

impl Up {
    async fn open(mut place: Place) -> Result<Self> {
        let folder = place.folder.clone();
        let is_new = !place.has_network();
        let furnishing = tokio::task::spawn_blocking(move || {
            if is_new { furnish(&folder, &PEOPLE, VALIDATORS) } else { Ok(()) }
        });
        let mut options = NetworkOptions::new(place.folder.path());
        options.ports = place.ports();
        options.validators = VALIDATORS;
        options.funded = PEOPLE.iter().map(|name| DevAccount::new(name).address()).collect();
        let opened = KeptNetwork::open(&options).await;
        let (network, opened) = opened.map_err(|error| devnet_failure(&error))?;
        furnishing.await.context("the keys were not written")??;
        place.remember([network.sidechain.port(), network.mainnet.port()])?;
        let daemons = daemons(&place, &network)?;
        Ok(Self { place, network, opened, daemons })
    }

    /// Looks after everything, and shows it.
    async fn serve(
        &mut self,
        screen: &mut Screen<'_>,
        started: Instant,
        until_ready: bool,
        mut asked_to_end: Shutdown,
    ) -> Result<()> {
        let mut levels = Levels::new(&self.place.api(), self.network.network.network_id)?;
        let mut restarts = [0; 2];
        loop {
            let chains = [&self.network.sidechain, &self.network.mainnet];
            for (chain, known) in chains.into_iter().zip(&mut restarts) {
                if let Some(news) = restarted(chain, known) {
                    screen.news(&news)?;
                }
            }
            for daemon in &mut self.daemons {
                if let Some(news) = daemon.look(Instant::now())? {
                    screen.news(&news)?;
                }
            }
            tokio::select! {
                () = levels.look() => {}
                () = &mut asked_to_end => return Ok(()),
            }
            let is_first = screen.show(&View {
                levels: &levels,
                chains: [&self.network.sidechain, &self.network.mainnet],
                daemons: &self.daemons,
                running: started.elapsed(),
            })?;
            if is_first && until_ready {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = &mut asked_to_end => return Ok(()),
            }
        }
    }

    /// Ends every process, those that others need last.
    async fn end(self) -> Result<()> {
        for daemon in self.daemons {
            daemon.end().await?;
        }
        self.network.stop().await.map_err(|error| devnet_failure(&error))
    }
}

/// Whether a chain was started again since the last look.
fn restarted(chain: &Keeper, known: &mut u32) -> Option<String> {
    let state = chain.state();
    if state.restarts == *known || state.phase != ChainPhase::Running {
        return None;
    }
    *known = state.restarts;
    let (name, block, process) = (chain.name(), state.block, state.process);
    Some(format!("{name} died and runs again from block {block} (process {process})"))
}

fn daemons(place: &Place, network: &KeptNetwork) -> Result<Vec<Daemon>> {
    let nodes = Nodes {
        sidechain: network.sidechain.url().to_owned(),
        mainnet: network.mainnet.url().to_owned(),
        api: place.api(),
        // A block with one after it is written down.
        finality: "1",
    };
    next::write_environment(place, &nodes)?;
    let program = std::env::current_exe().context("cannot find this program")?;
    let daemons = Daemons { program: &program, folder: &place.folder, nodes: &nodes };
    let mut specs = vec![daemons.node(place.listen), daemons.relayer()];
    specs.extend((1..=VALIDATORS).map(|number| daemons.validator(number)));
    specs.into_iter().map(Daemon::start).collect()
}
