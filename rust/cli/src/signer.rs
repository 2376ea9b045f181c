//! Who signs and who pays.

use crate::args::KeyArgs;
use crate::args::message::{SendArgs, SignArgs};
use crate::args::read::Mine;
use crate::error::{Failure, Result};
use crate::keystore::{self, KeyStore, Kind};
use crate::secrets;
use alloy_primitives::Address;
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

impl Mine {
    /// Whose units are mine, if anybody's.
    pub(crate) fn address(&self) -> Result<Option<Address>> {
        let Some(name) = &self.key else {
            return Ok(None);
        };
        let path = KeyStore::open(self.keys_dir.as_deref())?.path(name, Kind::Account)?;
        keystore::named_address(&path).map(Some)
    }
}

impl SignArgs {
    /// The key that signs the message.
    pub(crate) fn signer(&self) -> Result<SecretKey> {
        let name = self.key.as_ref().ok_or_else(|| {
            Failure::new("nobody is named who signs")
                .hint("`--key NAME` or the variable FALLOW_KEY names an account key")
        })?;
        account(name, &self.send.store)
    }

    /// The key that pays for a message that somebody signed before.
    pub(crate) fn payer(&self) -> Result<SecretKey> {
        let name = self.send.sender.as_ref().or(self.key.as_ref()).ok_or_else(|| {
            Failure::new("nobody is named who pays the gas")
                .hint("`--sender NAME` or the variable FALLOW_SENDER names an account key")
        })?;
        account(name, &self.send.store)
    }
}

impl SendArgs {
    /// The key that pays for a message of `signer`.
    pub(crate) fn payer(&self, signer: &SecretKey) -> Result<SecretKey> {
        match &self.sender {
            Some(name) => account(name, &self.store),
            None => Ok(signer.clone()),
        }
    }
}
