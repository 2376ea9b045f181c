//! How many records a second an audit goes through on each core, beside the bare recoveries of
//! signers that nothing can spare it:
//! `{"records":100000,"recordsPerSecond":..,"recoveriesPerSecond":..}`, and the same for each second
//! of the processor's time, which tells how much of the difference is work and how much is waiting.
//!
//! usage: rate [RECORDS]

#![allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation, clippy::unwrap_used)]

use fallow_audit::{Audit, Expected, Files, Folder};
use fallow_history::{History, HistoryOptions};
use fallow_ledger::message_of;
use fallow_protocol::{Entry, decode_bundle};
use rayon::prelude::*;
use secp256k1::Message;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;
use std::{env, fs, thread};

/// Each is measured so often, one after the other, and the shortest time counts: what else runs on
/// the machine only ever makes it longer.
const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let records = env::args().nth(1).map_or(Ok(100_000), |records| records.parse::<u64>())?;
    let dir = tempfile::tempdir()?;
    let mut history = History::new(HistoryOptions::new(1, records));
    fallow_history::write(&mut history, dir.path())?;
    let signatures = signatures(&history, dir.path(), records)?;
    let (mut audited, mut recovered) = (Cost::default(), Cost::default());
    for _ in 0..ROUNDS {
        recovered.measure(|| recover(&signatures))?;
        audited.measure(|| audit(dir.path()))?;
    }
    let cores = thread::available_parallelism()?.get() as f64;
    let (records, count) = (records as f64, signatures.len() as f64);
    println!(
        r#"{{"records":{records},"signatures":{count},"recordsPerSecond":{:.1},"recoveriesPerSecond":{:.1},"recordsPerProcessorSecond":{:.1},"recoveriesPerProcessorSecond":{:.1}}}"#,
        records / audited.wall / cores,
        count / recovered.wall / cores,
        records / audited.processor,
        count / recovered.processor,
    );
    Ok(())
}

/// The shortest times of some runs, seconds.
struct Cost {
    wall: f64,
    processor: f64,
}

impl Default for Cost {
    fn default() -> Self {
        Self { wall: f64::INFINITY, processor: f64::INFINITY }
    }
}

impl Cost {
    fn measure(&mut self, run: impl FnOnce()) -> Result<(), Box<dyn Error>> {
        let (start, processor) = (Instant::now(), processor_time()?);
        run();
        self.wall = self.wall.min(start.elapsed().as_secs_f64());
        self.processor = self.processor.min(processor_time()? - processor);
        Ok(())
    }
}

/// Seconds that all threads of this process have run, as Linux tells it: in ticks of 10 ms.
fn processor_time() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in brackets; utime and stime are the 14th and 15th.
    let (_, fields) = stat.rsplit_once(')').ok_or("no name in /proc/self/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
    Ok(ticks.sum::<Result<f64, _>>()? / 100.0)
}

fn audit(dir: &Path) {
    let files = Files::new(Folder::new(dir));
    let network = files.network().unwrap();
    let audit = Audit::new(&network, files.set(&network).unwrap()).unwrap();
    let report = audit.run(&files, None, &Expected::default(), &mut |_| ()).unwrap();
    assert!(report.is_honest(), "{:?}", report.flaw);
}

/// All signatures of the log with what they are over, parsed already.
fn signatures(
    history: &History,
    dir: &Path,
    records: u64,
) -> Result<Vec<(Message, RecoverableSignature)>, Box<dyn Error>> {
    let mut entries: Vec<Entry> = Vec::new();
    for id in fallow_log::BundleId::all(records) {
        entries.extend(decode_bundle(&fs::read(dir.join(id.path()))?, id.width)?);
    }
    let domain = history.network().file().domain();
    let find = |index: u64| entries.get(index as usize).cloned();
    let mut all = Vec::new();
    for entry in &entries[1..] {
        for claim in message_of(entry, find)?.claims(&domain) {
            let mut bytes = claim.signature.0.0;
            let parity = RecoveryId::from_u8_masked(bytes[32] >> 7);
            bytes[32] &= 0x7f;
            let signature = RecoverableSignature::from_compact(&bytes, parity)?;
            all.push((Message::from_digest(claim.digest.0), signature));
        }
    }
    Ok(all)
}

fn recover(signatures: &[(Message, RecoverableSignature)]) {
    signatures.par_iter().for_each(|(message, signature)| {
        black_box(black_box(signature).recover_ecdsa(*black_box(message)).unwrap());
    });
}
