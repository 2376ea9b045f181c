//! What accepted messages do, by message: check, change the state, append the record.

mod announce;
mod release;
mod request;
mod withdraw;
