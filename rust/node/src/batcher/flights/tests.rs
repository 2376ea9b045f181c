//! What happens to transactions, fault by fault.
