//! `fallow deploy`: a new network, in two steps.

use crate::args::deploy::{Deploy, Plan as PlanArgs, Run};
use crate::chain::{block_on, client, failure};
use crate::error::{ExitStatus, Failure, Result, chain};
use crate::files::{self, Existing};
use crate::member::MemberFile;
use crate::plan::Plan;
use crate::printer::{GOOD, Printer};
use crate::{signer, time};
use fallow_chain::{DeployError, DeployPlan, Deployer, SenderConfig, deploy as deploy_contracts};
use fallow_protocol::{NetworkFile, Parameters, Set};
use rand::Rng;

pub(crate) fn deploy(args: &Deploy, printer: &mut Printer) -> Result<ExitStatus> {
    match args {
        Deploy::Plan(args) => block_on(plan(args, printer)),
        Deploy::Run(args) => block_on(run(args, printer)),
    }
}

async fn plan(args: &PlanArgs, printer: &mut Printer) -> Result<ExitStatus> {
    let parameters = Parameters {
        checkpoint_interval: args.checkpoint_interval,
        heartbeat: args.heartbeat,
        challenge_period: args.challenge_period.0,
        query_deadline: args.query_deadline.0,
        ring_size: args.ring_size,
        writers: Vec::new(),
    };
    let mut random = [0_u8; 32];
    rand::rng().fill_bytes(&mut random);
    let side = client("sidechain", &args.sidechain.sidechain)?;
    let main = client("mainnet", args.mainnet.url())?;
    let made = DeployPlan::make(args.deployer, &side, &main, random.into(), parameters).await;
    let plan = Plan::of(made.map_err(|error| deploy_failure(&error))?)?;
    let existing = Existing::forced(args.force);
    files::write_json(&args.out, &plan, existing)?;
    printer.line(plan.network_id())?;
    printer.note(format_args!("{GOOD}wrote{GOOD:#} `{}`; nothing was sent", args.out.display()))?;
    printer.hint(format_args!(
        "each validator now runs `fallow keys prove --plan {} --key BLS --account ADDRESS`",
        args.out.display()
    ))?;
    Ok(ExitStatus::Done)
}

async fn run(args: &Run, printer: &mut Printer) -> Result<ExitStatus> {
    let existing = Existing::forced(args.force);
    if args.out.exists() && !args.force {
        return Err(Failure::new(format_args!("`{}` is there already", args.out.display()))
            .hint("choose another name with `--out`, or pass `--force`"));
    }
    let plan = Plan::read(&args.plan)?.deploy_plan();
    let founders = args
        .members
        .iter()
        .map(|path| MemberFile::read(path, &plan))
        .collect::<Result<Vec<_>>>()?;
    let key = signer::account(&args.key, &args.store)?;
    let side = client("sidechain", &args.sidechain.sidechain)?;
    let main = client("mainnet", args.mainnet.url())?;
    let deployer =
        Deployer { sidechain: &side, mainnet: &main, key: &key, config: SenderConfig::default() };
    let not_after = args.not_after.at(time::now())?;
    let deployed = deploy_contracts(&plan, &founders, not_after, &deployer).await;
    let (file, set) = deployed.map_err(|error| deploy_failure(&error))?;
    write(args, existing, &file, &set)?;
    printer.line(file.network_id)?;
    printer.note(format_args!(
        "{GOOD}wrote{GOOD:#} `{}` and `{}`; hand both to everybody",
        args.out.display(),
        file.set_file_name()
    ))?;
    Ok(ExitStatus::Done)
}

/// The set first: a network file without its set verifies nothing.
fn write(args: &Run, existing: Existing, file: &NetworkFile, set: &Set) -> Result<()> {
    let set_path = args.out.with_file_name(file.set_file_name());
    files::write(&set_path, &set.encode(), Existing::Replace)?;
    files::write_json(&args.out, file, existing)
}

fn deploy_failure(error: &DeployError) -> Failure {
    match error {
        DeployError::Chain(error) => {
            failure("deployment", error).or_hint("does the deployer have coins on both chains?")
        }
        DeployError::Nonce { .. } | DeployError::Deployer { .. } => {
            Failure::new(chain(error)).hint("make a new plan with `fallow deploy plan`")
        }
        _ => Failure::new(chain(error)),
    }
}
