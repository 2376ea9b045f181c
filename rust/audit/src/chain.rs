//! The same from the sidechain itself.
