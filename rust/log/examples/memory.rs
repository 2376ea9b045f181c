//! Resident memory of a log of 10^6 leaves: `{"leaves":1000000,"bytesPerLeaf":64.5}`.

use std::{error::Error, fs, hint::black_box};

use fallow_log::{Tree, leaf_hash};

const LEAVES: u32 = 1_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let before = resident_kib()?;
    let mut tree = Tree::new();
    for index in 0..LEAVES {
        tree.push(leaf_hash(&index.to_be_bytes()))?;
    }
    // What a node keeps is the tree after it has made a proof.
    black_box(tree.prove_inclusion(0, tree.size())?);
    let grown = resident_kib()? - before;
    black_box(&tree);
    println!(r#"{{"leaves":{LEAVES},"bytesPerLeaf":{:.2}}}"#, grown * 1024.0 / f64::from(LEAVES));
    Ok(())
}

/// Resident set of this process in KiB, as Linux tells it.
fn resident_kib() -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.ok_or("no `VmRSS` in /proc/self/status")?;
    Ok(line.trim().trim_end_matches("kB").trim_end().parse()?)
}
