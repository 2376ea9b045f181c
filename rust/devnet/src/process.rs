//! Child processes that never outlive us.
//!
//! Each child runs in a process group of its own, together with a small watchdog that reads a
//! pipe of which we hold the only other end:
//!
//! ```text
//! us ---- pipe ----> watchdog (sh) --- signals ---> program
//!  \____________________ wait ______________________/
//! ```
//!
//! Whatever ends us (return, panic, Ctrl-C, SIGKILL), the kernel closes our end; the watchdog
//! reads end of file and kills the group, itself included. `PR_SET_PDEATHSIG` would not do: it
//! follows the thread that forked, not the process.

use crate::DevnetError;
use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

/// The shell becomes the program (`exec`), so that the child's id, signals and exit status are the
/// program's own. A group with the watchdog in it still exists when the program is gone, so that
/// the last line never meets a stranger who was given the same number.
const LEASH: &str = r#"
exec 3<&0
(
  trap '' HUP INT TERM
  while read -r signal <&3; do kill -s "$signal" $$; done
  kill -s KILL -- -$$
) </dev/null >/dev/null 2>&1 &
exec "$@" 3<&- </dev/null
"#;

/// How often an exit is looked for: far below what a person notices.
const EXIT_POLL: Duration = Duration::from_millis(10);

/// Bytes of a log that an error message shows.
const TAIL_BYTES: usize = 2_000;

/// What can be sent to a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Asks the program to end.
    Terminate,
    /// What Ctrl-C sends.
    Interrupt,
    /// Freezes the program.
    Stop,
    /// Lets a frozen program run on.
    Continue,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::Stop => "STOP",
            Self::Continue => "CONT",
        }
    }
}

/// What to run.
#[derive(Clone, Debug)]
pub struct ProcessSpec {
    /// For messages, and the name of the log file.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Variables added to our own environment.
    pub env: Vec<(OsString, OsString)>,
    /// Folder for `<name>.log`, which gets everything that the program prints.
    pub log_dir: PathBuf,
}

impl ProcessSpec {
    /// A program without arguments.
    pub fn new(name: &str, program: &Path, log_dir: &Path) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            log_dir: log_dir.to_owned(),
        }
    }

    /// Appends arguments.
    #[must_use]
    pub fn args(mut self, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Self {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
        self.args.extend(args);
        self
    }

    /// Adds a variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name.into(), value.as_ref().to_owned()));
        self
    }
}

/// A running child. Dropping it kills it with everything it started in its group.
#[derive(Debug)]
pub struct ManagedProcess {
    name: String,
    child: Child,
    /// `None` once the group was killed or the program has ended.
    leash: Option<ChildStdin>,
    log: PathBuf,
}

impl ManagedProcess {
    /// Starts a program. Its output is appended to its log.
    ///
    /// # Errors
    /// When the log or the program cannot be opened.
    pub fn spawn(spec: &ProcessSpec) -> Result<Self, DevnetError> {
        std::fs::create_dir_all(&spec.log_dir).map_err(DevnetError::io(&spec.log_dir))?;
        let log = spec.log_dir.join(format!("{}.log", spec.name));
        let open = || OpenOptions::new().create(true).append(true).open(&log);
        let out = open().map_err(DevnetError::io(&log))?;
        let err = open().map_err(DevnetError::io(&log))?;
        let mut child = Command::new("sh")
            .args(["-c", LEASH, "leash"])
            .arg(&spec.program)
            .args(&spec.args)
            .envs(spec.env.iter().cloned())
            .stdin(Stdio::piped())
            .stdout(out)
            .stderr(err)
            .process_group(0)
            .spawn()
            .map_err(DevnetError::io(&spec.program))?;
        let leash = child.stdin.take();
        Ok(Self { name: spec.name.clone(), child, leash, log })
    }

    /// The program's process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its output goes.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// Its output so far.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log(&self) -> Result<String, DevnetError> {
        let bytes = std::fs::read(&self.log).map_err(DevnetError::io(&self.log))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>, DevnetError> {
        let status = self.child.try_wait().map_err(DevnetError::io(&self.log))?;
        if status.is_some() {
            self.leash = None;
        }
        Ok(status)
    }

    /// Fails if the program has ended, with the end of its log.
    ///
    /// # Errors
    /// [`DevnetError::Exited`].
    pub fn require_running(&mut self) -> Result<(), DevnetError> {
        let Some(status) = self.exit_status()? else {
            return Ok(());
        };
        let log = self.log()?;
        let start = log.len().saturating_sub(TAIL_BYTES);
        let start = (start..=log.len()).find(|index| log.is_char_boundary(*index));
        Err(DevnetError::Exited {
            name: self.name.clone(),
            status,
            output: log[start.unwrap_or(0)..].trim().to_owned(),
        })
    }

    /// Sends a signal; nothing happens if the program has ended.
    ///
    /// # Errors
    /// When the watchdog is gone.
    pub fn signal(&mut self, signal: Signal) -> Result<(), DevnetError> {
        match &mut self.leash {
            None => Ok(()),
            Some(leash) => writeln!(leash, "{}", signal.name()).map_err(DevnetError::io(&self.log)),
        }
    }

    /// Waits until the program ends by itself.
    ///
    /// # Errors
    /// [`DevnetError::Timeout`] if it does not in time.
    pub async fn wait(&mut self, patience: Duration) -> Result<ExitStatus, DevnetError> {
        let mut last = None;
        crate::poll(&format!("{} ends", self.name), patience, EXIT_POLL, async || {
            last = self.exit_status()?;
            Ok(last)
        })
        .await
    }

    /// Asks the program to end, and kills it if it does not in time.
    ///
    /// # Errors
    /// When the system refuses a signal or does not say how the program ended.
    pub async fn stop(mut self, grace: Duration) -> Result<ExitStatus, DevnetError> {
        self.signal(Signal::Terminate)?;
        match self.wait(grace).await {
            Err(DevnetError::Timeout { .. }) => self.kill(),
            ended => ended,
        }
    }

    /// SIGKILL, at once.
    ///
    /// # Errors
    /// When the system does not say how the program ended.
    pub fn kill(mut self) -> Result<ExitStatus, DevnetError> {
        self.kill_group()
    }

    fn kill_group(&mut self) -> Result<ExitStatus, DevnetError> {
        if let Some(status) = self.exit_status()? {
            return Ok(status);
        }
        // Directly as well: somebody may have killed the watchdog.
        self.child.kill().map_err(DevnetError::io(&self.log))?;
        self.leash = None;
        self.child.wait().map_err(DevnetError::io(&self.log))
    }
}

impl Drop for ManagedProcess {
    fn drop(&mut self) {
        if let Err(error) = self.kill_group() {
            tracing::error!(name = self.name, %error, "process not stopped");
        }
    }
}
