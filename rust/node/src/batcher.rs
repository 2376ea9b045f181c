//! From promised messages to records: which transactions carry them, and what becomes of these.
//!
//! ```text
//! pending, ledger --plan--> Planned, .. --Input::Launch--> Flights --Effect--> core (stores)
//!                                          ^                   `-----Effect--> Driver (signs, sends)
//!                                          `------------Input------------------------'
//! ```
//!
//! [`plan`] and [`Flights`] are pure. The core owns both; the [`Driver`] is the only part that talks
//! to a chain's node, and knows nothing of messages.

mod driver;
mod effect;
mod flights;
mod gas;
mod plan;
mod releases;
mod requests;
mod tables;

pub use driver::Driver;
pub use effect::{Effect, Input, Look, Outgoing, Trouble, Unsigned};
pub use flights::{Flights, FlightsConfig};
pub use plan::{InFlight, Limits, PathSource, PlanContext, PlanError, Planned, plan};
