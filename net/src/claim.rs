//! That an address belongs to one process alone.
//!
//! libp2p listens with `SO_REUSEPORT`, so that the system would let a second node start at the address of a
//! first one and give it half of its connections. So the system is asked first by a listener without that,
//! which finds everybody who listens already. Two nodes that start at the same moment could both ask before
//! either listens: a name that only one of them can have decides between them.

use std::io;
use std::net::{SocketAddr, TcpListener};

use crate::config::{Listen, StartError};

/// Keeps an address for this process, for as long as it is there.
pub(crate) struct Claim {
    _name: Option<Name>,
}

impl Claim {
    /// Claims an address, at which nobody listens.
    ///
    /// # Errors
    ///
    /// [`StartError::AddressInUse`] if somebody does, or is about to. [`StartError::Listen`] if the system
    /// does not let us listen there.
    pub(crate) fn on(at: &Listen) -> Result<Self, StartError> {
        let claimed = claim(at.socket).and_then(|name| {
            drop(TcpListener::bind(at.socket)?);
            Ok(Self { _name: name })
        });
        let address = at.text.clone();
        claimed.map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => StartError::AddressInUse { address },
            _ => {
                let reason = error.to_string();
                StartError::Listen { address, reason }
            }
        })
    }
}

/// A socket that has a name and no file. The system forgets it with the process, and each network namespace
/// has names of its own, as it has ports.
#[cfg(target_os = "linux")]
type Name = std::os::unix::net::UnixListener;

#[cfg(not(target_os = "linux"))]
type Name = std::convert::Infallible;

/// Takes the name of an address. A port that the system is to choose is nobody else's.
#[cfg(target_os = "linux")]
fn claim(at: SocketAddr) -> io::Result<Option<Name>> {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net;

    if at.port() == 0 {
        return Ok(None);
    }
    let name = net::SocketAddr::from_abstract_name(format!("chainspace/tcp/{at}"))?;
    Name::bind_addr(&name).map(Some)
}

/// Without such names, whoever listens already is found all the same.
#[cfg(not(target_os = "linux"))]
fn claim(_: SocketAddr) -> io::Result<Option<Name>> {
    Ok(None)
}
