//! The network file of whoever wants to join: from this machine, or from an address on the web.
//!
//! Who serves a file is not believed about anything: the hash of the document names the network, and
//! whoever joins can say which hash it has to have.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use client::file::{self, BadFile, Kind};
use model::bounds::GENESIS_BYTES_MAX;
use model::genesis::BadGenesis;
use model::{Genesis, NetworkId};
use node::Fatal;
use ureq::Agent;

use crate::exit::{Exit, Failure};

/// How long a server may take for the whole of it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often a server may send us elsewhere.
const REDIRECTS_MAX: u32 = 4;

/// Nothing has been made when one of these goes wrong.
const NOTHING: &str = "nothing was stored";

/// Whether the network file is to be had from the web.
///
/// # Errors
///
/// Usage, if it is to be had in a way that is not known here.
pub(super) fn is_url(source: &str) -> Result<bool, Failure> {
    match source.split_once("://") {
        None => Ok(false),
        Some(("http" | "https", _)) => Ok(true),
        Some((scheme, _)) => Err(Failure::usage(format!(
            "{source}: network files come as files, or over http and https, not over {scheme}"
        ))
        .hint(NOTHING)),
    }
}

/// The genesis document that `source` has, if it is of the network that is wanted.
///
/// # Errors
///
/// Unreachable if the server cannot be reached or does not have it, wrong network if it is of another
/// network than `wanted`, and usage or verification if it is no genesis document.
pub(super) fn network_file(source: &str, wanted: Option<NetworkId>) -> Result<Genesis, Failure> {
    let path = Path::new(source);
    let bytes = match is_url(source)? {
        true => download(source)?,
        false => file::read(path, Kind::Network, GENESIS_BYTES_MAX).map_err(refused)?,
    };
    let genesis = node::parse_genesis(&bytes, source).map_err(|fatal| match fatal {
        Fatal::Genesis {
            file: _,
            reason: BadGenesis::Encoding(reason),
        } => refused(file::refuse(path, Kind::Network, &bytes, &reason)),
        other => Failure::new(Exit::VerificationFailed, other.to_string()).hint(NOTHING),
    })?;
    let found = genesis.network();
    match wanted {
        Some(wanted) if wanted != found => Err(Failure::new(
            Exit::WrongNetwork,
            format!("{source} is of network {found}, and --genesis-hash wants {wanted}"),
        )
        .hint("nothing was stored; ask whoever told you the address, or the hash, which is right")),
        _ => Ok(genesis),
    }
}

fn refused(bad: BadFile) -> Failure {
    let hint = format!("{NOTHING}; {}", bad.hint());
    Failure::from(bad).hint(hint)
}

fn download(url: &str) -> Result<Vec<u8>, Failure> {
    let agent = Agent::config_builder()
        .timeout_global(Some(PATIENCE))
        .max_redirects(REDIRECTS_MAX)
        // What began in secret stays secret.
        .https_only(url.starts_with("https://"))
        .user_agent(concat!("chainspace/", env!("CARGO_PKG_VERSION")))
        .build()
        .new_agent();
    let mut answer = agent.get(url).call().map_err(|error| failed(url, &error))?;
    let body = answer.body_mut().with_config();
    let bytes = body.limit(GENESIS_BYTES_MAX as u64).read_to_vec();
    bytes.map_err(|error| failed(url, &error))
}

fn failed(url: &str, error: &ureq::Error) -> Failure {
    let (exit, why) = match error {
        ureq::Error::StatusCode(code) => (
            Exit::Unreachable,
            format!("the server has no such file: it answers {code}"),
        ),
        ureq::Error::BodyExceedsLimit(limit) => (
            Exit::VerificationFailed,
            format!(
                "what the server sends is longer than any network file, which has {limit} bytes at most"
            ),
        ),
        error if is_about_tls(url, error) => (
            Exit::Unreachable,
            format!("no connection that others cannot listen to or change: {error}"),
        ),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => {
            (Exit::Usage, format!("this is no address: {error}"))
        }
        ureq::Error::Timeout(_) => (
            Exit::Unreachable,
            format!("the server has not sent it within {} s", PATIENCE.as_secs()),
        ),
        other => (Exit::Unreachable, other.to_string()),
    };
    Failure::new(exit, format!("cannot fetch {url}: {why}")).hint(NOTHING)
}

/// Whether the server has not proven who it is, or cannot speak in secret.
fn is_about_tls(url: &str, error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => true,
        ureq::Error::Io(error) => {
            let talks_otherwise = [ErrorKind::InvalidData, ErrorKind::UnexpectedEof];
            url.starts_with("https://") && talks_otherwise.contains(&error.kind())
        }
        _ => false,
    }
}
