//! What watches the chains and tells the core: one task for the sidechain's blocks, one for the
//! anchorings on mainnet, one for the certificates of checkpoints.
//!
//! ```text
//! blocks        Fetcher::fetch, signers recovered   --> Blocks, Latest, Away, Stopped
//! anchors       AnchorReader::read                  --> Mainnet
//! certificates  ShareReader::read, Tallies          --> Certificates; Shares for whoever looks
//! ```
//!
//! A task goes on through everything that may pass, and slower while it does not; it ends when the
//! core has ended, or when the chain contradicts what was final.

mod anchors;
mod blocks;
mod certificates;
mod feed;
mod tallies;

pub use anchors::anchors;
pub use blocks::blocks;
pub use certificates::{Certifier, certificates};
pub use feed::Feed;
pub use tallies::Shares;
