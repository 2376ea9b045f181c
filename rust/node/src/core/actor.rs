//! The core's loop: takes what waits, one kind after the other, and shows what came of it.

use crate::batcher::Input;
use crate::core::admit::{Submission, answer};
use crate::core::handle::Command;
use crate::core::state::{Core, after};
use crate::core::{ChainInput, NotReady};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;

/// So many messages are taken together at most: one commit makes them durable.
const GROUP: usize = 4_096;
/// Transactions are looked at again after this time.
const TICK: Duration = Duration::from_millis(500);

/// Where the core's input comes from.
#[derive(Debug)]
pub(crate) struct Inbox {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) chain: mpsc::Receiver<ChainInput>,
    pub(crate) flights: mpsc::UnboundedReceiver<Input>,
    pub(crate) shutdown: oneshot::Receiver<()>,
}

/// How the core ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As it was told to; everything is durable.
    Told,
    /// The disk failed: blocks that were applied are not stored, and come again at the next start.
    Unwritten,
}

/// What comes next.
enum Next {
    Command(Command),
    Chain(ChainInput),
    Flights(Input),
    Time,
    End,
}

/// Runs the core until it is told to end; then everything that was taken is committed and answered.
pub(crate) fn run(mut core: Core, mut inbox: Inbox, runtime: &Handle) -> Ended {
    let mut tick = Instant::now();
    core.start();
    core.publish();
    loop {
        let due = core.due(tick);
        // Nothing of the chain is taken in while what it said before is not durable.
        let next = runtime.block_on(inbox.next(due, core.work.is_empty()));
        match next {
            Next::Command(command) => core.obey(inbox.group(command)),
            Next::Chain(input) => core.hear(input),
            Next::Flights(input) => {
                core.fly(input);
                while let Ok(input) = inbox.flights.try_recv() {
                    core.fly(input);
                }
            }
            Next::Time => {}
            Next::End => break,
        }
        let now = Instant::now();
        core.on_time(now);
        if now >= tick {
            core.tick();
            tick = after(TICK);
        }
        core.publish();
    }
    core.end(inbox)
}

impl Inbox {
    async fn next(&mut self, due: Instant, hears: bool) -> Next {
        let Self { commands, chain, flights, shutdown } = self;
        let wait = async {
            tokio::select! {
                _ = shutdown => Next::End,
                Some(input) = flights.recv(), if hears => Next::Flights(input),
                Some(input) = chain.recv(), if hears => Next::Chain(input),
                Some(command) = commands.recv() => Next::Command(command),
                else => std::future::pending().await,
            }
        };
        timeout_at(due.into(), wait).await.unwrap_or(Next::Time)
    }

    /// What waits beside this one.
    fn group(&mut self, first: Command) -> Vec<Command> {
        let mut messages = first.messages();
        let mut group = vec![first];
        while messages < GROUP
            && let Ok(command) = self.commands.try_recv()
        {
            messages = messages.saturating_add(command.messages());
            group.push(command);
        }
        group
    }
}

impl Command {
    const fn messages(&self) -> usize {
        match self {
            Self::Submit { messages, .. } => messages.len(),
            Self::Gossip { announcements, .. } => announcements.len(),
            Self::Check { .. } | Self::Offer { .. } => 1,
        }
    }
}

impl Core {
    /// The first look at the chain.
    fn start(&mut self) {
        self.look_at_levels();
        if self.head.is_some() {
            let (block, recorded) = (self.view.block.number, Vec::new());
            self.fly(Input::Applied { block, recorded });
        }
        if self.pendings.len() > 0 {
            self.flush_soon(0);
        }
    }

    /// When something is to be done though nothing comes.
    fn due(&self, tick: Instant) -> Instant {
        [self.flush_at, self.retry_at].into_iter().flatten().fold(tick, Instant::min)
    }

    fn on_time(&mut self, now: Instant) {
        if self.retry_at.is_some_and(|at| at <= now) {
            self.write();
        }
        self.apply_blocks();
        if self.flush_at.is_some_and(|at| at <= now) {
            self.flush();
        }
    }

    fn tick(&mut self) {
        if self.health.is_stopped() {
            return self.measure();
        }
        if self.work.is_empty() {
            self.fly(Input::Tick);
            self.end_what_is_over();
            self.expire();
        }
        self.measure();
    }

    fn obey(&mut self, group: Vec<Command>) {
        let mut submissions = Vec::new();
        for command in group {
            match command {
                Command::Submit { messages, reply } => {
                    submissions.push(Submission { messages, reply });
                }
                Command::Check { message, reply } => answer(reply, self.check(&message)),
                Command::Gossip { announcements, reply } => {
                    answer(reply, self.gossip(announcements));
                }
                Command::Offer { hash, document, named, reply } => {
                    if reply.send(self.offer(hash, document, named)).is_err() {
                        tracing::debug!("nobody waits for an answer");
                    }
                }
            }
        }
        if !submissions.is_empty() {
            self.submit(submissions);
        }
    }

    /// Nothing new is taken; what waits to be durable gets a last try.
    fn end(mut self, mut inbox: Inbox) -> Ended {
        self.health.end();
        self.publish();
        inbox.commands.close();
        while let Ok(command) = inbox.commands.try_recv() {
            command.refuse(&NotReady::Stopped("the node ends".to_owned()));
        }
        self.write();
        if self.work.is_empty() {
            return Ended::Told;
        }
        tracing::error!(changes = self.work.len(), "ended with changes that are not durable");
        Ended::Unwritten
    }
}

impl Command {
    fn refuse(self, why: &NotReady) {
        match self {
            Self::Submit { reply, .. } => answer(reply, Err(why.clone())),
            Self::Check { reply, .. } => answer(reply, Err(why.clone())),
            Self::Gossip { reply, .. } => answer(reply, Err(why.clone())),
            Self::Offer { reply, .. } => {
                if reply.send(Err(why.clone().into())).is_err() {
                    tracing::debug!("nobody waits for an answer");
                }
            }
        }
    }
}
