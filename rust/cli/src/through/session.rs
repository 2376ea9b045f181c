//! A node to talk to, and what its errors mean.

use crate::args::through::ThroughArgs;
use crate::error::{Failure, Result, chain};
use crate::files;
use crate::time;
use fallow_node_client::types::Problem;
use fallow_node_client::{ClientError, Lie, Limits, NodeCode, NodeError, Options, VerifiedNode};
use fallow_protocol::{NetworkFile, SET_MAX_BYTES, Set};
use std::path::{Path, PathBuf};

/// Connects to the node at `url`; `network` is the file that tells what the network is.
pub(crate) async fn open(
    url: &str,
    through: &ThroughArgs,
    network: &Path,
    set: Option<&Path>,
) -> Result<VerifiedNode> {
    let file = files::read_network(network)?;
    let options = Options {
        url: url.to_owned(),
        limits: Limits::default(),
        set: read_set(network, set, &file)?,
        network: file,
        state: folder(through.state.as_deref(), "state")?,
        clock: time::now,
    };
    VerifiedNode::connect(options).await.map_err(|error| match error {
        NodeError::Client(error @ (ClientError::Url | ClientError::Transport(_))) => {
            unreachable_at(url, &error)
        }
        error => failure(error),
    })
}

/// The URL may come from the environment, where nobody sees it.
fn unreachable_at(url: &str, error: &ClientError) -> Failure {
    Failure::new(chain(error)).hint(format_args!(
        "is `{url}` the URL of a running `fallow node`? `--node` and FALLOW_NODE name it"
    ))
}

/// The set that is named, or stands beside the network file; else the node is asked for it.
fn read_set(network: &Path, named: Option<&Path>, file: &NetworkFile) -> Result<Option<Set>> {
    let beside = network.with_file_name(file.set_file_name());
    let path = match named {
        Some(path) => path,
        None if beside.exists() => &beside,
        None => return Ok(None),
    };
    let bytes = files::read(path, SET_MAX_BYTES)?;
    let set = Set::decode(&bytes).map_err(|error| {
        Failure::new(format_args!("`{}` is no set file: {}", path.display(), chain(&error)))
            .hint("`--set FILE` names the network's set file")
    })?;
    Ok(Some(set))
}

/// A folder of this user's, unless another is named.
pub(super) fn folder(named: Option<&Path>, usual: &str) -> Result<PathBuf> {
    match (named, std::env::home_dir()) {
        (Some(folder), _) => Ok(folder.to_path_buf()),
        (None, Some(home)) => Ok(home.join(".fallow").join(usual)),
        (None, None) => Err(Failure::new("this user has no home folder")
            .hint("name the folder of what was seen with `--state`")),
    }
}

/// What a node's error means for whoever typed the command.
pub(crate) fn failure(error: NodeError) -> Failure {
    match &error {
        NodeError::Lie { lie, evidence } => {
            let todo = match **lie {
                // More likely, the reader named the wrong file.
                Lie::NetworkMismatch { .. } => {
                    "does `--network` name this node's network? Else ask"
                }
                _ => "ask",
            };
            Failure::refused(format_args!("the node is not to be believed: {}: {lie}", lie.name()))
                .hint(format_args!(
                    "what shows it is kept in `{}`; {todo} another node with `--node`",
                    evidence.display()
                ))
        }
        NodeError::LieUnkept { lie, error } => Failure::refused(format_args!(
            "the node is not to be believed: {}: {lie}; the evidence could not be kept: {}",
            lie.name(),
            chain(error)
        )),
        NodeError::Client(ClientError::Problem(problem)) | NodeError::Failed(problem) => {
            problem_failure(problem)
        }
        NodeError::Client(error) => {
            Failure::new(chain(error)).hint("is `--node` the URL of a running `fallow node`?")
        }
        NodeError::State(_) => Failure::new(chain(&error)).hint(
            "it says what this machine has seen of the network; without it, a node can show \
             another history unnoticed: restore it, or remove it knowing that",
        ),
        NodeError::SetExpired(refusal) => {
            Failure::refused(refusal).hint("ask whoever runs the network for its new network file")
        }
        NodeError::NotYet => Failure::new(&error).hint(
            "the promise stands: send the same message again, or look at it later; nothing is \
             recorded twice",
        ),
        _ => Failure::new(chain(&error)),
    }
}

/// A node's problem: only the code and the words that we have for it, and its own detail behind.
pub(super) fn problem_failure(problem: &Problem) -> Failure {
    let Some(code) = NodeCode::from_number(problem.code) else {
        return Failure::refused(format_args!(
            "the node refuses with code {:03}: {}",
            problem.code, problem.detail
        ));
    };
    let what = format!("the node answers {code} ({})", problem.detail);
    match code {
        // The node could not read it: that is not the answer no.
        NodeCode::BodyMalformed | NodeCode::ParameterInvalid => Failure::new(what),
        code if code.is_temporary() => Failure::new(what).hint("try again soon, or another node"),
        NodeCode::Stopped => Failure::new(what).hint("ask another node with `--node`"),
        NodeCode::AnnouncementUnknown => Failure::refused(what)
            .hint("`--announcement FILE` brings an announcement that nobody has recorded yet"),
        NodeCode::KeyNotAllowed => Failure::refused(what).hint("ask whoever runs the node"),
        _ => Failure::refused(what),
    }
}
