//! `fallow check`.

use crate::args::request::{Ask, Check};
use crate::asking::{self, Target};
use crate::chain::{Sidechain, block_on};
use crate::error::{ExitStatus, Failure, Result};
use crate::files;
use crate::messages;
use crate::printer::Printer;
use crate::refused::{Checked, line};
use crate::through;
use crate::{signer, time};
use fallow_protocol::{RequestFile, ResourceId, SecretKey};

pub(crate) fn check(args: &Check, printer: &mut Printer) -> Result<ExitStatus> {
    match &args.through.node {
        Some(url) => block_on(through::request::check(args, url, printer)),
        None => block_on(check_async(args, printer)),
    }
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
        if let Some(refusal) = findings.refusal() {
            printer.line(line(&refusal, now))?;
        }
    }
    Ok(findings.status())
}

/// What is to be checked.
enum Asked<'a> {
    /// A request that was signed before.
    Signed(Box<RequestFile>),
    /// A request that the flags make.
    Flags { resource: ResourceId, ask: &'a Ask, key: SecretKey },
}

impl<'a> Asked<'a> {
    fn read(args: &'a Check) -> Result<Self> {
        if let Some(path) = &args.request {
            let network = files::read_network(&args.network.network)?;
            return messages::read_request(path, &network).map(|file| Self::Signed(Box::new(file)));
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
            Self::Signed(file) => Ok(Ok(*file)),
            Self::Flags { resource, ask, key } => {
                let target = Target::recorded(side, resource).await?;
                asking::sign(side, &target, ask, &key, now).await
            }
        }
    }
}
