//! Passwords: by prompt, file or environment, never on the command line, where every process of
//! the machine could read them.

use crate::error::{Context, Failure, Result};
use crate::files;
use std::path::Path;

/// The variable that may hold the password.
pub(crate) const PASSWORD_VARIABLE: &str = "FALLOW_PASSWORD";

/// Bytes of the longest password file.
const PASSWORD_MAX_BYTES: usize = 4_096;

/// The password of a key that exists.
pub(crate) fn password(file: Option<&Path>, key: &str) -> Result<String> {
    match given(file)? {
        Some(password) => Ok(password),
        None => prompt(&format!("password of `{key}`: ")),
    }
}

/// The password of a key to be; a typed one is asked for twice.
pub(crate) fn new_password(file: Option<&Path>, key: &str) -> Result<String> {
    let password = match given(file)? {
        Some(password) => password,
        None => {
            let password = prompt(&format!("new password of `{key}`: "))?;
            if prompt("once more: ")? != password {
                return Err(Failure::new("the two passwords differ").hint("try again"));
            }
            password
        }
    };
    if password.is_empty() {
        return Err(Failure::new("the password is empty")
            .hint("anybody who sees the file could use the key; choose one"));
    }
    Ok(password)
}

fn given(file: Option<&Path>) -> Result<Option<String>> {
    if let Some(path) = file {
        return read_file(path).map(Some);
    }
    match std::env::var(PASSWORD_VARIABLE) {
        Ok(password) => Ok(Some(password)),
        Err(std::env::VarError::NotPresent) => Ok(None),
        Err(error @ std::env::VarError::NotUnicode(_)) => {
            Err(error).context(format_args!("cannot use `{PASSWORD_VARIABLE}`"))
        }
    }
}

/// The file's content without the line end that editors add.
fn read_file(path: &Path) -> Result<String> {
    let bytes = files::read(path, PASSWORD_MAX_BYTES)?;
    let text = String::from_utf8(bytes)
        .context(format_args!("`{}` is no password file", path.display()))?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn prompt(text: &str) -> Result<String> {
    rpassword::prompt_password(text).context("cannot ask for the password").map_err(|failure| {
        failure.hint(format_args!(
            "without a terminal, pass `--password-file FILE` or set `{PASSWORD_VARIABLE}`"
        ))
    })
}
