//! One file for each verb.

pub(crate) mod access;
pub(crate) mod keys;
pub(crate) mod offer;
pub(crate) mod verify;
