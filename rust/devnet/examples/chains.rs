//! Runs two chains until it is killed in whatever way: they end with it.
//!
//! `cargo run -p fallow-devnet --example chains`

use fallow_devnet::{Anvil, AnvilOptions, DevnetError};

#[tokio::main]
async fn main() -> Result<(), DevnetError> {
    let logs = std::env::temp_dir().join(format!("fallow-chains-{}", std::process::id()));
    let sidechain = Anvil::start(&AnvilOptions::sidechain(), &logs).await?;
    let mainnet = Anvil::start(&AnvilOptions::mainnet(), &logs).await?;
    for chain in [&sidechain, &mainnet] {
        println!("{} {}", chain.chain_id(), chain.url());
    }
    std::future::pending().await
}
