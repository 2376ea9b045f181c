//! A bounded HTTP/1.1 server for warp filters. Everybody may connect; nobody can make it hold more
//! than its [`Limits`] say.
//!
//! ```text
//! accept --> place (Semaphore) --> address (Addresses) --> hyper, Steady --> warp filter
//!            bound on all          bound on one            head, idle, slow readers
//! ```
//!
//! What a route needs beyond that is here too: [`Peer`] is among a request's extensions,
//! [`Rate`] says whether somebody may ask again and when, [`read_body`] reads no more than it
//! should, and [`Budget`] is the memory that bodies and answers may take all together.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod addresses;
mod body;
mod budget;
mod limits;
mod rate;
mod server;
mod steady;

pub use addresses::network_of;
pub use body::{Body, BodyBounds, BodyError, read_body};
pub use budget::{Budget, Share};
pub use limits::Limits;
pub use rate::Rate;
pub use server::{Peer, Server};
