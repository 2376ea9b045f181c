//! `fallow validator`, `relayer` and `demo`.
use clap::Args;

/// `validator`.
#[derive(Args, Debug)]
pub(crate) struct Validator {}
/// `relayer`.
#[derive(Args, Debug)]
pub(crate) struct Relayer {}
/// `demo`.
#[derive(Args, Debug)]
pub(crate) struct Demo {}
