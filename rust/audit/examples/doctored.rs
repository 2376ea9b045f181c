//! A large log and five doctored ones, each audited: one line of JSON for each, with what was named
//! and how long it took. Fails if an audit names something else.
//!
//! usage: doctored [RECORDS], a million unless told; needs 1 kB of disk for each record.

#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]

use alloy_primitives::{B256, keccak256};
use fallow_audit::{Audit, Expected, Files, Folder, Report};
use fallow_history::{History, HistoryNetwork, HistoryOptions};
use fallow_log::BundleId;
use fallow_protocol::{Body, Certificate, Checkpoint, Entry, Record, decode_bundle};
use serde_json::json;
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use std::{env, fs};

type Failure = Box<dyn Error>;

/// Changes an entry of the log, or drops it.
type Change<'a> = Box<dyn Fn(u64, &mut Entry) -> bool + 'a>;

/// A doctored log: how, and what an audit has to say about it.
struct Doctored<'a> {
    name: &'static str,
    change: Change<'a>,
    /// What the checkpoint says instead of the log's root.
    root: Option<B256>,
    record: Option<u64>,
    check: &'static str,
}

fn main() -> Result<(), Failure> {
    let records = env::args().nth(1).map_or(Ok(1_000_000), |records| records.parse::<u64>())?;
    let honest = tempfile::tempdir()?;
    let made = make(records, honest.path())?;
    let report = audit(&made.network, honest.path(), "honest")?;
    assert!(report.is_honest(), "{:?}", report.flaw);
    for doctored in doctored(&made) {
        let dir = tempfile::tempdir()?;
        write(&made, honest.path(), dir.path(), &doctored)?;
        let report = audit(&made.network, dir.path(), doctored.name)?.file();
        let flaw = report.flaw.expect("a doctored log has a flaw");
        assert_eq!((flaw.record, flaw.check), (doctored.record, doctored.check));
        assert_eq!(flaw.checkpoint.map(|checkpoint| checkpoint.block_number), Some(made.block));
    }
    Ok(())
}

/// What is known of the honest log.
struct Made {
    network: HistoryNetwork,
    records: u64,
    /// The last block and its time.
    block: u64,
    time: u64,
    /// An allocation beyond the volume, in the place of an honest record in the log's second half.
    overallocated: (u64, Entry),
    /// An allocation in the second half.
    allocation: u64,
}

fn make(records: u64, dir: &Path) -> Result<Made, Failure> {
    let options = HistoryOptions::new(1, records);
    let mut history = History::new(options);
    let mut folder = fallow_history::Folder::new(dir)?;
    let (mut last, mut overallocated, mut allocation) = ((0, 0), None, None);
    while let Some(block) = history.next() {
        last = (block.number, block.time);
        let is_allocation = |record: &Record| matches!(record.body, Body::Allocation(_));
        let far = block.records.iter().filter(|made| made.record.index > records / 2);
        let far = far.map(|made| &made.record).find(|record| is_allocation(record));
        allocation = allocation.or_else(|| far.map(|record| record.index));
        folder.append(&block)?;
        if history.ledger().size() > records * 2 / 3 && overallocated.is_none() {
            overallocated = history.overallocated().map(|entry| (history.ledger().size(), entry));
        }
    }
    let network = HistoryNetwork::new(options.seed);
    let checkpoint = network.checkpoint(last.0, last.1, folder.size(), folder.root());
    folder.finish(checkpoint, &network.certify(&checkpoint))?;
    Ok(Made {
        network,
        records,
        block: last.0,
        time: last.1,
        overallocated: overallocated.ok_or("no resource is open")?,
        allocation: allocation.ok_or("no allocation in the second half")?,
    })
}

fn doctored(made: &Made) -> Vec<Doctored<'_>> {
    let (at, far) = (made.allocation, made.records * 3 / 4);
    let of = |name, change: Change<'static>, record, check| Doctored {
        name,
        change,
        root: None,
        record: Some(record),
        check,
    };
    vec![
        of(
            "forged signature",
            Box::new(move |index, entry| {
                if index == at {
                    entry.evidence[9] ^= 1;
                    let hash = keccak256(&entry.evidence);
                    let place = entry.record.len() - 32;
                    entry.record[place..].copy_from_slice(hash.as_slice());
                }
                true
            }),
            at,
            "RequesterSignatureInvalid",
        ),
        Doctored {
            name: "allocation beyond the volume",
            change: Box::new(|index, entry| {
                if index == made.overallocated.0 {
                    *entry = made.overallocated.1.clone();
                }
                true
            }),
            root: None,
            record: Some(made.overallocated.0),
            check: "CapacityExceeded",
        },
        of("dropped record", Box::new(move |index, _| index != far), far, "IndexWrong"),
        of(
            "time that goes back",
            Box::new(move |index, entry| {
                if index == far {
                    // The block time is the header's last field.
                    entry.record[30..38].copy_from_slice(&1_800_000_000_u64.to_be_bytes());
                }
                true
            }),
            far,
            "TimeOutOfOrder",
        ),
        Doctored {
            name: "other certified root",
            change: Box::new(|_, _| true),
            root: Some(B256::repeat_byte(1)),
            record: None,
            check: "RootDiffers",
        },
    ]
}

/// Writes a doctored log as a quorum of dishonest validators would have it: tiles, root and
/// certificate fit what is there.
fn write(made: &Made, from: &Path, to: &Path, doctored: &Doctored<'_>) -> Result<(), Failure> {
    let mut folder = fallow_history::Folder::new(to)?;
    for id in BundleId::all(made.records) {
        let entries = decode_bundle(&fs::read(from.join(id.path()))?, id.width)?;
        for (index, mut entry) in (id.first()..).zip(entries) {
            if (doctored.change)(index, &mut entry) {
                folder.push(entry)?;
            }
        }
    }
    let root = doctored.root.unwrap_or_else(|| folder.root());
    let checkpoint: Checkpoint =
        made.network.checkpoint(made.block, made.time, folder.size(), root);
    let certificate: Certificate = made.network.certify(&checkpoint);
    Ok(folder.finish(checkpoint, &certificate)?)
}

fn audit(network: &HistoryNetwork, dir: &Path, name: &str) -> Result<Report, Failure> {
    let audit = Audit::new(network.file(), network.set().clone())?;
    let (files, start) = (Files::new(Folder::new(dir)), Instant::now());
    let report = audit.run(&files, None, &Expected::default(), &mut |_| ())?;
    let seconds = start.elapsed().as_secs_f64();
    println!("{}", json!({ "log": name, "seconds": seconds, "report": report.file() }));
    Ok(report)
}
