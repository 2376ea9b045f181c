//! One file for each verb.

pub(crate) mod access;
pub(crate) mod announce;
pub(crate) mod approver;
pub(crate) mod audit;
pub(crate) mod check;
pub(crate) mod deploy;
pub(crate) mod keys;
pub(crate) mod node;
pub(crate) mod offer;
pub(crate) mod relayer;
pub(crate) mod release;
pub(crate) mod request;
pub(crate) mod requests;
pub(crate) mod resources;
pub(crate) mod status;
pub(crate) mod ticket;
pub(crate) mod up;
pub(crate) mod validator;
pub(crate) mod verify;
pub(crate) mod withdraw;
