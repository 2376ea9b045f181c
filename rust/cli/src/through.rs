//! Through a node: messages are signed here, the node's promise is verified and kept, and nothing
//! that the node answers is shown before it is verified.

pub(crate) mod giveback;
pub(crate) mod lists;
pub(crate) mod messages;
pub(crate) mod read;
pub(crate) mod request;
mod sending;
mod session;
