//! The `fallow` command.
fn main() {}
