//! One file for each verb.

pub(crate) mod access;
pub(crate) mod announce;
pub(crate) mod deploy;
pub(crate) mod keys;
pub(crate) mod list;
pub(crate) mod offer;
pub(crate) mod relayer;
pub(crate) mod request;
pub(crate) mod status;
pub(crate) mod ticket;
pub(crate) mod validator;
pub(crate) mod verify;
