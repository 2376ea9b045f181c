//! The core in small.
