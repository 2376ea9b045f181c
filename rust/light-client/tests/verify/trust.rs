//! Only the set that the network file names is trusted.

use crate::common::{Config, Network};
use fallow_light_client::{Trust, TrustError};
use fallow_protocol::Set;

fn refused(network: &Network, set: &Set) -> TrustError {
    Trust::new(&network.file, set.clone()).unwrap_err()
}

#[test]
fn the_named_set_is_trusted_also_after_a_round_trip() {
    let network = Network::of(4);
    let set = Set::decode(&network.set.encode()).unwrap();
    let trust = Trust::new(&network.file, set).unwrap();
    assert_eq!(trust.set(), &network.set);
    assert_eq!((trust.network_id(), trust.era()), (network.file.network_id, 0));
    assert_eq!(trust.domain(), &network.file.domain());
}

#[test]
fn a_set_of_another_network_is_refused() {
    let (network, config) = (Network::of(4), Config::of(vec![1; 4]));
    let other = Network::new(&Config { seed: 2, ..config });
    let (got, want) = (other.file.network_id, network.file.network_id);
    assert_eq!(refused(&network, &other.set), TrustError::Network { got, want });
}

#[test]
fn a_set_of_another_number_is_refused() {
    let (network, config) = (Network::of(4), Config::of(vec![1; 4]));
    let other = Network::new(&Config { number: 2, ..config });
    assert_eq!(refused(&network, &other.set), TrustError::Number { got: 2, want: 1 });
}

#[test]
fn another_set_of_the_same_number_is_refused() {
    let (network, other) = (Network::of(4), Network::of(3));
    let (got, want) = (other.set.hash(), network.set.hash());
    assert_eq!(refused(&network, &other.set), TrustError::Hash { got, want });
}
