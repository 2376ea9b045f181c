//! `fallow audit`: re-executes a whole log, and says what is wrong with it.

use crate::args::audit::Audit as Args;
use crate::chain::{client, failure};
use crate::error::{ExitStatus, Failure, Result, chain};
use crate::files;
use crate::printer::{BAD, GOOD, Mark, Printer, count};
use fallow_audit::{
    Anchoring, Audit, AuditError, Expected, Files, Folder, Progress, Report, Server, Source,
    anchorings, audit_chain, certified_by, load_snapshot, save_snapshot,
};
use fallow_chain::{Follower, check_network};
use fallow_ledger::Ledger;
use fallow_node_client::{Limits, NodeClient};
use fallow_protocol::NetworkFile;
use indicatif::{ProgressBar, ProgressStyle};
use std::path::PathBuf;
use tokio::runtime::Runtime;

/// Records after which the snapshot is written again: some seconds of work.
const SAVE_EVERY: u64 = 100_000;

pub(crate) fn audit(args: &Args, printer: &mut Printer) -> Result<ExitStatus> {
    let network = files::read_network(&args.trust.network.network)?;
    let set = files::read_set(&args.trust, &network)?;
    let audit = Audit::new(&network, set).map_err(|error| failed(&error))?;
    let runtime = Runtime::new().map_err(|error| Failure::new(format!("cannot start: {error}")))?;
    let job = Job { args, network, audit, runtime };
    let report = job.run(printer)?;
    if args.output.json {
        printer.json(&report.file())?;
    } else {
        print(&report, args.mainnet.is_some(), printer)?;
    }
    Ok(ExitStatus::of(report.is_honest()))
}

/// One audit with what it needs.
struct Job<'a> {
    args: &'a Args,
    network: NetworkFile,
    audit: Audit,
    runtime: Runtime,
}

impl Job<'_> {
    fn run(&self, printer: &mut Printer) -> Result<Report> {
        let anchored = self.anchored()?;
        let source = &self.args.source;
        if let Some(url) = &source.sidechain {
            return self.runtime.block_on(self.sidechain(url, &anchored));
        }
        if let Some(folder) = &source.tiles {
            let expected = Expected { certified: Vec::new(), anchored };
            return self.files(Folder::new(folder), expected, printer);
        }
        let url = source.node.as_deref().unwrap_or_default();
        let node = NodeClient::new(url, Limits::default()).map_err(|error| no_answer(&error))?;
        let certified = self.runtime.block_on(certified_by(&node));
        let certified = certified.map_err(|error| no_answer(&error))?;
        let server = Server::new(node, self.runtime.handle().clone());
        self.files(server, Expected { certified, anchored }, printer)
    }

    fn anchored(&self) -> Result<Vec<Anchoring>> {
        let Some(url) = &self.args.mainnet else {
            return Ok(Vec::new());
        };
        let mainnet = client("mainnet", url)?;
        let anchored = self.runtime.block_on(anchorings(&self.network, mainnet));
        anchored.map_err(|error| failure("mainnet", &error))
    }

    async fn sidechain(&self, url: &str, anchored: &[Anchoring]) -> Result<Report> {
        let sidechain = client("sidechain", url)?;
        check_network(&self.network, &sidechain, None)
            .await
            .map_err(|error| failure("sidechain", &error))?;
        let follower = Follower::new(&self.network, sidechain, self.args.finality);
        let bar =
            ProgressBar::new_spinner().with_style(style("{spinner} {pos} records, {per_sec}"));
        let mut on_progress = |size| bar.set_position(size);
        let report =
            audit_chain(&self.audit, &self.network, follower, anchored, &mut on_progress).await;
        bar.finish_and_clear();
        report.map_err(|error| match error {
            AuditError::Chain(error) => failure("sidechain", &error),
            other => failed(&other),
        })
    }

    fn files(
        &self,
        source: impl Source,
        expected: Expected,
        printer: &mut Printer,
    ) -> Result<Report> {
        let from = self.snapshot()?;
        if let Some(ledger) = &from {
            let done = ledger.size();
            printer.note(format_args!("{} are taken from the snapshot", count(done, "record")))?;
        }
        let bar = ProgressBar::no_length()
            .with_style(style("{wide_bar} {pos}/{len} records, {per_sec}, {eta} left"));
        let mut saving =
            Saving::new(self.args.state.clone(), from.as_ref().map_or(0, Ledger::size));
        let report = self.audit.run(&Files::new(source), from, &expected, &mut |progress| {
            bar.set_length(progress.size);
            bar.set_position(progress.ledger.size());
            saving.note(&progress);
        });
        bar.finish_and_clear();
        let report = report.map_err(|error| failed(&error))?;
        saving.finish()?;
        Ok(report)
    }

    /// What the audit begins with: the state that an earlier one left, or what was named.
    fn snapshot(&self) -> Result<Option<Ledger>> {
        let load = |path: &PathBuf| {
            load_snapshot(path, self.audit.config()).map_err(|error| failed(&error))
        };
        if let Some(state) = &self.args.state
            && let Some(ledger) = load(state)?
        {
            return Ok(Some(ledger));
        }
        match &self.args.from {
            None => Ok(None),
            Some(path) => match load(path)? {
                Some(ledger) => Ok(Some(ledger)),
                None => Err(Failure::new(format!("`{}` is not there", path.display()))
                    .hint("`--from FILE` names a snapshot that an audit has written")),
            },
        }
    }
}

/// Writes the snapshot now and then, and at the end.
struct Saving {
    path: Option<PathBuf>,
    saved: u64,
    failed: Option<AuditError>,
}

impl Saving {
    const fn new(path: Option<PathBuf>, saved: u64) -> Self {
        Self { path, saved, failed: None }
    }

    fn note(&mut self, progress: &Progress<'_>) {
        let done = progress.ledger.size();
        let due = done == progress.size || done.saturating_sub(self.saved) >= SAVE_EVERY;
        if let (Some(path), true, None) = (&self.path, due, &self.failed) {
            match save_snapshot(path, progress.ledger) {
                Ok(()) => self.saved = done,
                Err(error) => self.failed = Some(error),
            }
        }
    }

    fn finish(self) -> Result<()> {
        self.failed.map_or(Ok(()), |error| Err(failed(&error)))
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates are those of this file")
}

fn failed(error: &AuditError) -> Failure {
    let failure = Failure::new(chain(error));
    match error {
        AuditError::Missing(_) => {
            failure.hint("`--tiles` or `--node` names the folder or URL that has it")
        }
        AuditError::StateRoot { .. }
        | AuditError::StateAhead { .. }
        | AuditError::Snapshot { .. } => {
            failure.hint("audit from genesis: without the snapshot, or with another `--state`")
        }
        AuditError::Network { .. } | AuditError::Trust(_) => {
            failure.hint("`--network FILE` names the network that the log is of")
        }
        _ => failure,
    }
}

fn no_answer(error: &fallow_node_client::ClientError) -> Failure {
    Failure::new(chain(error)).hint("`--node URL` looks like `http://127.0.0.1:8650`")
}

/// The verdict for people.
fn print(report: &Report, is_anchored: bool, printer: &mut Printer) -> Result<()> {
    let compared = |number: u64| format!("{} compared", count(number, "root"));
    match &report.flaw {
        None => {
            let done = count(report.size.saturating_sub(report.from), "record");
            let root = report.root.unwrap_or_default();
            printer.check(
                Mark::Holds,
                "records",
                format_args!("{done} re-executed, root {root}"),
            )?;
            printer.check(Mark::Holds, "certified", compared(report.checkpoints))?;
        }
        Some((flaw, _)) => {
            let good = count(report.size, "record");
            printer.check(Mark::Holds, "records", format_args!("{good} found good"))?;
            printer.check(Mark::Fails, flaw.name(), flaw)?;
        }
    }
    match (is_anchored, report.is_honest()) {
        (false, _) => printer.check(Mark::NotReached, "anchored", "not asked: no `--mainnet`")?,
        (true, true) => printer.check(Mark::Holds, "anchored", compared(report.anchored))?,
        (true, false) => {}
    }
    if report.anchored_beyond > 0 {
        let beyond = count(report.anchored_beyond, "anchored checkpoint");
        printer.note(format_args!("{beyond} of a larger log: this source does not show all"))?;
    }
    printer.line(verdict(report))
}

fn verdict(report: &Report) -> String {
    let Some((flaw, checkpoint)) = &report.flaw else {
        let commitment = report.commitment.unwrap_or_default();
        let size = count(report.size, "record");
        return format!("{GOOD}honest{GOOD:#}: {size}, state commitment {commitment}");
    };
    let mut text = format!("{BAD}flawed{BAD:#}: ");
    if let Some(index) = flaw.record() {
        text.push_str(&format!("record {index}, "));
    }
    text.push_str(&format!("check {}", flaw.name()));
    if let Some(code) = flaw.code() {
        text.push_str(&format!(" ({code:03})"));
    }
    if let Some(checkpoint) = checkpoint {
        let (block, size) = (checkpoint.block_number, checkpoint.size);
        text.push_str(&format!(", checkpoint of block {block} ({})", count(size, "record")));
    }
    text
}
