//! The `fallow` command.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::cast_possible_truncation))]

mod anchored;
mod approval;
mod args;
mod asking;
mod bars;
mod book;
mod calendar;
mod chain;
mod commands;
mod daemon;
mod demo;
mod error;
mod files;
mod findings;
mod grid;
mod keystore;
mod local;
mod member;
mod messages;
mod nonce;
mod offer;
mod plan;
mod printer;
mod proof;
mod recording;
mod refused;
mod releasing;
mod secrets;
mod signer;
mod submit;
mod table;
mod through;
mod time;
mod up;
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
        Command::Deploy(args) => commands::deploy::deploy(args, printer),
        Command::Offer(args) => commands::offer::offer(args, printer),
        Command::Announce(args) => commands::announce::announce(args, printer),
        Command::Request(args) => commands::request::request(args, printer),
        Command::Check(args) => commands::check::check(args, printer),
        Command::Release(args) => commands::release::release(args, printer),
        Command::Withdraw(args) => commands::withdraw::withdraw(args, printer),
        Command::Resources(args) => commands::resources::resources(args, printer),
        Command::Requests(args) => commands::requests::requests(args, printer),
        Command::Ticket(args) => commands::ticket::ticket(args, printer),
        Command::Verify(args) => commands::verify::verify(args, printer),
        Command::Audit(args) => commands::audit::audit(args, printer),
        Command::Access(args) => commands::access::access(args, printer),
        Command::Approver(args) => commands::approver::approver(args, printer),
        Command::Validator(args) => commands::validator::validator(args),
        Command::Status(args) => commands::status::status(args, printer),
        Command::Node(args) => commands::node::node(args, printer),
        Command::Up(args) => commands::up::up(args, printer),
        Command::Demo(args) => demo::demo(args, printer),
        Command::Relayer(args) => commands::relayer::relayer(args),
    }
}
