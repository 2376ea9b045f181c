//! The core against a chain that does what the test says, and a disk that fails when told to.

mod disk;
mod faulty;
mod ledger;
mod levels;
mod travel;
mod world;
