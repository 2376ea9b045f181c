//! `fallow check`.

use crate::args::request::{Ask, Check};
use crate::asking::{self, Target};
use crate::chain::{Sidechain, block_on};
use crate::error::{ExitStatus, Failure, Result};
use crate::files;
use crate::messages;
use crate::printer::Printer;
use crate::refused::Checked;
use crate::{signer, time};
use fallow_protocol::{RequestFile, ResourceId, SecretKey};
use std::path::{Path, PathBuf};

pub(crate) fn check(args: &Check, printer: &mut Printer) -> Result<ExitStatus> {
    block_on(check_async(args, printer))
}

async fn check_async(args: &Check, printer: &mut Printer) -> Result<ExitStatus> {
    // What is named is read first: without it, no node need be asked.
    let asked = Asked::read(args)?;
    let side = Sidechain::connect(&args.network, &args.sidechain).await?;
    let now = time::now();
    let file = match asked.file(&side, now).await? {
        Ok(file) => file,
        Err(refused) => return refused.report(now, args.output.json, printer),
    };
    let findings = asking::check(&side, &file, now).await?;
    if args.output.json {
        printer.json(&findings.json())?;
    } else {
        findings.print(printer)?;
    }
    Ok(findings.status())
}

/// What is to be checked.
enum Asked<'a> {
    /// A request that was signed before.
    Signed(SignedRequest),
    /// A request that the flags make.
    Flags { resource: ResourceId, ask: &'a Ask, key: SecretKey },
}

impl<'a> Asked<'a> {
    fn read(args: &'a Check) -> Result<Self> {
        if let Some(path) = &args.request {
            return SignedRequest::read(path).map(Self::Signed);
        }
        let (Some(resource), Some(_), Some(key)) = (args.resource, args.ask.volume, &args.key)
        else {
            return Err(Failure::new("no request is named")
                .hint("name a request file, or `--resource ID --volume UNITS --key NAME`"));
        };
        Ok(Self::Flags { resource, ask: &args.ask, key: signer::account(key, &args.store)? })
    }

    async fn file(self, side: &Sidechain, now: u64) -> Result<Checked<RequestFile>> {
        match self {
            Self::Signed(signed) => signed.of_network(side).map(Ok),
            Self::Flags { resource, ask, key } => {
                let target = Target::recorded(side, resource).await?;
                asking::sign(side, &target, ask, &key, now).await
            }
        }
    }
}

/// A request that was signed before, and its file.
pub(crate) struct SignedRequest {
    path: PathBuf,
    file: Box<RequestFile>,
}

impl SignedRequest {
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let file = Box::new(files::read_message(path, "request file")?);
        Ok(Self { path: path.to_path_buf(), file })
    }

    /// The resource that it asks for.
    pub(crate) const fn resource_id(&self) -> ResourceId {
        self.file.request.resource_id
    }

    /// The request, if it is for this network.
    pub(crate) fn of_network(self, side: &Sidechain) -> Result<RequestFile> {
        messages::require_network(&self.path, self.file.network_id, &side.file)?;
        Ok(*self.file)
    }
}
