//! The `fallow` command.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod args;
mod commands;
mod error;
mod files;
mod keystore;
mod member;
mod nonce;
mod offer;
mod plan;
mod printer;
mod proof;
mod secrets;
mod time;
mod verdict;

use args::{Cli, Command};
use clap::Parser;
use error::{ExitStatus, Result};
use printer::Printer;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut printer = Printer::new();
    let result = run(&cli.command, &mut printer);
    printer.finish(result)
}

fn run(command: &Command, printer: &mut Printer) -> Result<ExitStatus> {
    match command {
        Command::Keys(args) => commands::keys::keys(args, printer),
        Command::Offer(args) => commands::offer::offer(args, printer),
        Command::Verify(args) => commands::verify::verify(args, printer),
        Command::Access(args) => commands::access::access(args, printer),
        _ => Err(error::Failure::new("this version does not know the command yet")),
    }
}
