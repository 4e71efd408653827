//! What the nodes count, as they tell everybody at `/metrics`.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::bench::error::BenchError;
use crate::bench::link::problem;
use crate::local::Endpoint;

/// How long a node may take to answer, and how much it may say.
const PATIENCE: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: u64 = 1 << 20;

/// Counters of what is refused, without what all names begin and end with.
const REFUSALS: [&str; 15] = [
    "net_connections_refused",
    "net_handshakes_failed",
    "net_hellos_refused",
    "net_links_refused",
    "net_requests_refused_full",
    "net_requests_over_quota",
    "net_requests_unanswered",
    "net_oversize",
    "net_sbac_requests_refused",
    "net_sbac_bodies_bad",
    "net_directory_unanswered",
    "net_gossip_refused_rate",
    "net_guests_let_go",
    "net_offences",
    "admission_unfunded",
];

/// The numbers of all nodes.
pub(super) struct Counters {
    /// By name, summed over the nodes.
    sums: BTreeMap<String, u64>,
    /// By name, the largest of all nodes.
    largest: BTreeMap<String, u64>,
}

impl Counters {
    /// What the nodes of a network say now.
    ///
    /// # Errors
    ///
    /// [`BenchError::Node`] if one says nothing.
    pub(super) fn of(endpoint: &Endpoint) -> Result<Self, BenchError> {
        let mut found = Self {
            sums: BTreeMap::new(),
            largest: BTreeMap::new(),
        };
        for (node, at) in endpoint.nodes.iter().enumerate() {
            let at = at.http.ok_or_else(|| problem(node, "has no metrics"))?;
            let page = fetch(at).map_err(|error| problem(node, error))?;
            for (name, value) in page.lines().filter_map(number) {
                *found.sums.entry(name.to_owned()).or_default() += value;
                let largest = found.largest.entry(name.to_owned()).or_default();
                *largest = value.max(*largest);
            }
        }
        Ok(found)
    }

    /// A counter of all nodes together.
    pub(super) fn count(&self, counter: &str) -> u64 {
        let name = format!("chainspace_{counter}_total");
        self.sums.get(&name).copied().unwrap_or_default()
    }

    /// What was refused since an earlier moment; without what was not.
    pub(super) fn refused_since(&self, earlier: &Self) -> Vec<(String, u64)> {
        let since = |name: &&str| {
            let more = self.count(name).saturating_sub(earlier.count(name));
            (more > 0).then(|| ((*name).to_owned(), more))
        };
        REFUSALS.iter().filter_map(since).collect()
    }

    /// The most memory that a node has used, in bytes.
    pub(super) fn memory_peak(&self) -> u64 {
        self.largest_of("chainspace_memory_peak_bytes")
    }

    /// What a node may use of the memory, in bytes.
    pub(super) fn memory_limit(&self) -> u64 {
        self.largest_of("chainspace_memory_limit_bytes")
    }

    fn largest_of(&self, name: &str) -> u64 {
        self.largest.get(name).copied().unwrap_or_default()
    }
}

fn fetch(at: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&at, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

/// The name and the value in a line of metrics, if it is a number without labels.
fn number(line: &str) -> Option<(&str, u64)> {
    let (name, value) = line.split_once(' ')?;
    Some((name, value.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_number_or_something_else() {
        assert_eq!(
            number("chainspace_x_total 7"),
            Some(("chainspace_x_total", 7))
        );
        for other in ["# TYPE x counter", "x{y=\"z\"} 0.5", "x", "HTTP/1.1 200 OK"] {
            assert_eq!(number(other), None, "{other}");
        }
    }
}
