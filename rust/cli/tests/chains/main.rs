//! Commands that talk to chains, with two real ones and no validators.
#![allow(clippy::arithmetic_side_effects, clippy::unwrap_used, missing_docs)]

mod approver;
mod giveback;
mod messages;
mod networks;
mod place;
mod slots;
mod travelling;
