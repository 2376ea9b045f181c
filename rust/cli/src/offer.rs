//! Offer documents: JSON that says what one unit of an offer is (`docs/protocol.md` section 3.2).
//! Its hash is that of the file's exact bytes, so people may write one by hand.

use crate::error::{Context, Failure, Result};
use crate::files;
use alloy_primitives::{B256, keccak256};
use fallow_protocol::{FILE_MAX_BYTES, FILE_VERSION, decimal};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// An offer document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Offer {
    pub(crate) version: u8,
    /// How many units the machine is divided into: the volume to announce.
    pub(crate) volume: u16,
    /// What one unit is.
    pub(crate) unit: Unit,
    /// What the units are parts of.
    pub(crate) machine: Machine,
    /// Where it stands, in the provider's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) region: Option<String>,
}

/// One indivisible piece of an offer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Unit {
    /// Thousandths of a logical core.
    pub(crate) milli_cores: u32,
    /// Bytes of memory.
    #[serde(with = "decimal")]
    pub(crate) memory_bytes: u64,
    /// Bytes of disk.
    #[serde(with = "decimal")]
    pub(crate) disk_bytes: u64,
}

/// The whole machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Machine {
    /// Processor architecture.
    pub(crate) architecture: String,
    /// Operating system.
    pub(crate) system: String,
    /// The processor's name.
    pub(crate) processor: String,
    /// Logical cores.
    pub(crate) cores: u32,
    /// Bytes of memory.
    #[serde(with = "decimal")]
    pub(crate) memory_bytes: u64,
    /// Free bytes on the disk of the current folder.
    #[serde(with = "decimal")]
    pub(crate) disk_bytes: u64,
    /// Graphics processors; shared by all units.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) gpus: Vec<Gpu>,
}

/// A graphics processor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Gpu {
    /// Vendor and model.
    pub(crate) model: String,
    /// Bytes of its memory; 0 if unknown.
    #[serde(with = "decimal")]
    pub(crate) memory_bytes: u64,
}

/// A document with the hash that an announcement carries.
#[derive(Clone, Debug)]
pub(crate) struct HashedOffer {
    /// What it says.
    pub(crate) offer: Offer,
    /// keccak of its exact bytes.
    pub(crate) hash: B256,
}

impl Offer {
    /// This machine, divided into `volume` equal units.
    pub(crate) fn of(machine: Machine, volume: u16, region: Option<String>) -> Result<Self> {
        let parts = u64::from(volume);
        let share = |whole: u64| whole.checked_div(parts).unwrap_or(0);
        let milli = share(u64::from(machine.cores).saturating_mul(1_000));
        if milli == 0 {
            return Err(Failure::new(format_args!(
                "{} cores make no {volume} units of a thousandth of a core or more",
                machine.cores
            ))
            .hint("choose a smaller `--volume`"));
        }
        Ok(Self {
            version: FILE_VERSION,
            volume,
            unit: Unit {
                milli_cores: u32::try_from(milli).unwrap_or(u32::MAX),
                memory_bytes: share(machine.memory_bytes),
                disk_bytes: share(machine.disk_bytes),
            },
            machine,
            region,
        })
    }

    /// One unit for people.
    pub(crate) fn unit_text(&self) -> String {
        let Unit { milli_cores, memory_bytes, disk_bytes } = self.unit;
        format!(
            "{} {}, {} memory, {} disk",
            cores(milli_cores),
            if milli_cores == 1_000 { "core" } else { "cores" },
            bytes(memory_bytes),
            bytes(disk_bytes)
        )
    }

    /// The machine for people.
    pub(crate) fn machine_text(&self) -> String {
        let machine = &self.machine;
        let gpus = machine.gpus.iter().map(|gpu| format!(", GPU {}", gpu.model));
        format!(
            "{} x {} ({}, {}), {} memory, {} free disk{}",
            machine.cores,
            machine.processor,
            machine.architecture,
            machine.system,
            bytes(machine.memory_bytes),
            bytes(machine.disk_bytes),
            gpus.collect::<String>()
        )
    }
}

/// Reads an offer document.
pub(crate) fn read(path: &Path) -> Result<HashedOffer> {
    let bytes = files::read(path, FILE_MAX_BYTES)?;
    let offer: Offer = files::parse_message(&bytes, path, "offer document")?;
    if offer.volume == 0 {
        let what = format!("`{}`: its volume is 0, expected at least 1", path.display());
        return Err(Failure::new(what).hint("an offer of nothing cannot be announced"));
    }
    Ok(HashedOffer { offer, hash: keccak256(&bytes) })
}

fn cores(milli: u32) -> String {
    match (milli / 1_000, milli % 1_000) {
        (whole, 0) => whole.to_string(),
        (whole, part) => format!("{whole}.{part:03}").trim_end_matches('0').to_owned(),
    }
}

/// Bytes with one decimal in the largest binary unit that fits.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [(u32, &str); 4] = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
    for (bits, name) in UNITS {
        let whole = count >> bits;
        if whole > 0 {
            // The tenth is that of the rest, which is below 2^40: no overflow.
            let rest = count & ((1_u64 << bits).saturating_sub(1));
            return format!("{whole}.{} {name}", rest.saturating_mul(10) >> bits);
        }
    }
    format!("{count} B")
}

/// Describes the machine that this runs on.
pub(crate) fn this_machine() -> Result<Machine> {
    let mut system = sysinfo::System::new().context("cannot ask the system about itself")?;
    system.refresh_memory();
    system.refresh_cpu_all();
    let processor = system.cpus().first().map(|cpu| cpu.brand().trim().to_owned());
    // A container may grant less than the machine has.
    let limits = system.cgroup_limits();
    let memory = limits.map_or_else(|| system.total_memory(), |limits| limits.total_memory);
    Ok(Machine {
        architecture: std::env::consts::ARCH.to_owned(),
        system: std::env::consts::OS.to_owned(),
        processor: processor
            .filter(|brand| !brand.is_empty())
            .unwrap_or_else(|| "unnamed processor".to_owned()),
        cores: count_cores()?,
        memory_bytes: memory,
        disk_bytes: free_disk()?,
        gpus: gpus(),
    })
}

/// Cores that this process may use; respects affinity and container limits.
fn count_cores() -> Result<u32> {
    let cores = std::thread::available_parallelism().context("cannot count the cores")?;
    Ok(u32::try_from(cores.get()).unwrap_or(u32::MAX))
}

/// Free bytes on the disk that holds the current folder.
fn free_disk() -> Result<u64> {
    let folder = std::env::current_dir().context("cannot find the current folder")?;
    let disks = sysinfo::Disks::new_with_refreshed_list().context("cannot list the disks")?;
    let holds = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()));
    let nearest = holds.max_by_key(|disk| disk.mount_point().as_os_str().len());
    Ok(nearest.map_or(0, sysinfo::Disk::available_space))
}

/// Machines without a graphics processor or its driver have an empty list.
fn gpus() -> Vec<Gpu> {
    let Ok(list) = sysinfo::Gpus::new_with_refreshed_list() else {
        return Vec::new();
    };
    list.iter()
        .map(|gpu| Gpu {
            model: [gpu.vendor(), gpu.model()].into_iter().flatten().collect::<Vec<_>>().join(" "),
            memory_bytes: gpu.total_memory().unwrap_or(0),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(cores: u32) -> Machine {
        Machine {
            architecture: "x86_64".into(),
            system: "linux".into(),
            processor: "test".into(),
            cores,
            memory_bytes: 8 << 30,
            disk_bytes: 100 << 30,
            gpus: Vec::new(),
        }
    }

    #[test]
    fn units_divide_the_machine() {
        let offer = Offer::of(machine(2), 4, None).unwrap();
        assert_eq!(offer.unit.milli_cores, 500);
        assert_eq!(offer.unit_text(), "0.5 cores, 2.0 GiB memory, 25.0 GiB disk");
    }

    #[test]
    fn units_smaller_than_a_thousandth_core_are_refused() {
        assert!(Offer::of(machine(2), 2_001, None).is_err());
    }

    #[test]
    fn bytes_are_shown_in_the_largest_unit() {
        assert_eq!(bytes(1_023), "1023 B");
        assert_eq!(bytes(1_536), "1.5 KiB");
        assert_eq!(bytes(u64::MAX), "16777215.9 TiB");
    }
}
