//! Faults on purpose: the file that says which peers a node of a test network hears late or not at all.
//!
//! ```toml
//! [peers.12D3KooWKgqfc1cPFDbeQFLLvkb1eBz4MQvkjYuh3dYxVKgVEyMd]
//! cut = true
//!
//! [peers.12D3KooWBmAwcd4PJNJvfV89HwE48nwkRmAgo8Vy3uQEyNNHBox2]
//! delay_ms = 200
//! ```
//!
//! Only a node whose configuration names such a file looks at one. It reads it before it starts its
//! network, so that a node that is restarted in a partition is cut off from its first word on, and
//! again whenever it may have changed. Without the file nothing is wrong with any peer.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use net::{PeerName, Way, Weather};
use serde::Deserialize;

use crate::watched::Watched;

/// The weather of a node, as a file says.
pub(crate) struct Forecast {
    file: Watched,
    weather: Weather,
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    peers: BTreeMap<String, WrittenWay>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenWay {
    #[serde(default)]
    cut: bool,
    #[serde(default)]
    delay_ms: u32,
}

impl Forecast {
    /// The weather that the file says there is now.
    pub(crate) fn open(file: PathBuf) -> Self {
        let mut forecast = Self {
            file: Watched::new(file),
            weather: Weather::default(),
        };
        forecast.look();
        forecast
    }

    /// The weather, which changes with the file.
    pub(crate) fn weather(&self) -> Weather {
        self.weather.clone()
    }

    /// Looks at the file again and again, for as long as the node runs.
    pub(crate) async fn follow(mut self) {
        let mut beat = Watched::beat();
        loop {
            beat.tick().await;
            self.look();
        }
    }

    /// Changes the weather if the file has changed. What cannot be understood changes nothing.
    fn look(&mut self) {
        if let Some(ways) = self.file.look(parse) {
            tracing::info!(peers = ways.len(), "the weather has changed");
            self.weather.change(ways);
        }
    }
}

/// The ways that a file describes.
fn parse(text: &str) -> Result<BTreeMap<PeerName, Way>, String> {
    let written: Written = toml::from_str(text).map_err(|error| error.to_string())?;
    let ways = written.peers.into_iter().map(|(peer, way)| {
        let peer: PeerName = peer
            .parse()
            .map_err(|error| format!("`{peer}` is {error}"))?;
        let WrittenWay { cut, delay_ms } = way;
        let delay = Duration::from_millis(delay_ms.into());
        Ok((peer, Way { cut, delay }))
    });
    ways.collect()
}
