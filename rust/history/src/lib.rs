//! Histories: valid logs of any size, made up from a seed. For tests and measurements that need a
//! network with a past, without the chain that it would have been recorded on.
//!
//! ```text
//! History --> Block { number, time, records }, ..   a real ledger took every message
//!    \-----> write(folder)                          the static files, certified by a made-up set
//! ```
//!
//! The same options give the same bytes. All kinds of records occur, many requesters meet in the
//! calendars of many resources, some with approvers; requests that a resource has no room for are
//! left out, as a node would.
//!
//! ```
//! use fallow_history::{History, HistoryOptions};
//!
//! let history = History::new(HistoryOptions::new(7, 300));
//! let records: u64 = history.map(|block| block.records.len() as u64).sum();
//! assert_eq!(records, 300);
//! ```

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod block;
mod dishonest;
mod draft;
mod folder;
mod keys;
mod network;

pub use block::{Block, History, HistoryOptions, Made};
pub use folder::{Folder, write};
pub use network::HistoryNetwork;
