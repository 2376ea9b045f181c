//! Who signs and who pays.

use crate::args::KeyArgs;
use crate::error::Result;
use crate::keystore::{self, KeyStore, Kind};
use crate::secrets;
use fallow_protocol::{SecretKey, bls};

/// Decrypts an account key named in a command.
pub(crate) fn account(name: &str, args: &KeyArgs) -> Result<SecretKey> {
    let path = KeyStore::open(args.keys_dir.as_deref())?.path(name, Kind::Account)?;
    // Before the password is asked for.
    keystore::read_keystore(&path)?;
    keystore::load_account(&path, &secrets::password(args.password_file.as_deref(), name)?)
}

/// Decrypts a BLS key named in a command.
pub(crate) fn bls(name: &str, args: &KeyArgs) -> Result<bls::SecretKey> {
    let path = KeyStore::open(args.keys_dir.as_deref())?.path(name, Kind::Bls)?;
    // Before the password is asked for.
    keystore::read_keystore(&path)?;
    keystore::load_bls(&path, &secrets::password(args.password_file.as_deref(), name)?)
}
