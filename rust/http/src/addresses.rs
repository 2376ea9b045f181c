//! How many connections each address has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Whom an address belongs to: one customer of an IPv6 provider has 2^64 addresses.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// Connections by address; has as many entries as there are connections at most.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    most: u32,
    open: Arc<Mutex<HashMap<IpAddr, u32>>>,
}

/// A connection of an address; gone when it is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    network: IpAddr,
    addresses: Addresses,
}

impl Addresses {
    /// At most `most` connections of each.
    pub(crate) fn new(most: u32) -> Self {
        Self { most, open: Arc::default() }
    }

    /// Counts a connection, unless the address has too many.
    pub(crate) fn enter(&self, address: IpAddr) -> Option<Entered> {
        let network = network_of(address);
        let mut open = self.lock();
        let count = open.get(&network).copied().unwrap_or(0);
        if count >= self.most {
            return None;
        }
        open.insert(network, count.saturating_add(1));
        Some(Entered { network, addresses: self.clone() })
    }

    // Nothing panics while it holds the lock, and the map is valid at any time.
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, u32>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut open = self.addresses.lock();
        match open.get_mut(&self.network) {
            Some(count) if *count > 1 => *count = count.saturating_sub(1),
            _ => {
                open.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_cannot_have_all_connections() {
        let addresses = Addresses::new(2);
        let (one, other) = ("1.1.1.1".parse().unwrap(), "2.2.2.2".parse().unwrap());
        let first = addresses.enter(one).unwrap();
        let second = addresses.enter(one).unwrap();
        assert!(addresses.enter(one).is_none());
        assert!(addresses.enter(other).is_some());
        drop(first);
        let third = addresses.enter(one).unwrap();
        assert!(addresses.enter(one).is_none());
        drop((second, third));
        assert!(addresses.lock().is_empty(), "who is gone takes no memory");
    }

    #[test]
    fn neighbours_in_ipv6_are_one() {
        let parse = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(parse("2001:db8::1"), parse("2001:db8::2"));
        assert_ne!(parse("2001:db8::1"), parse("2001:db8:0:1::1"));
        assert_eq!(parse("::ffff:1.2.3.4"), parse("1.2.3.4"));
    }
}
