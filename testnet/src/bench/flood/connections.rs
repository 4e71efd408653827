//! A thousand connections that are opened again as soon as they are closed, and sooner.

use std::rc::Rc;
use std::time::Duration;

use net::{Stranger, connect_from};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::LocalSet;
use tokio::time::timeout;

use super::flooder::{Flood, crowd};

/// Connections at a time.
const CONNECTIONS: usize = 1_000;

/// How long a stranger stays that is let stay.
const STAY: Duration = Duration::from_secs(1);

/// How both sides choose Noise: each line is its length and its text.
const CHOOSE_NOISE: &[u8] = b"\x13/multistream/1.0.0\n\x07/noise\n";

/// The first message of Noise is a key of 32 bytes behind its length. This is not all of it.
const HALF_A_KEY: &[u8] = &[0, 32, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9];

pub(super) fn spawn(strangers: &LocalSet, flood: &Rc<Flood>) {
    crowd(strangers, flood, CONNECTIONS, visit);
}

async fn visit(flood: Rc<Flood>) {
    let number = flood.number();
    let (from, to) = flood.way(number);
    flood.note(|tally| tally.connections += 1);
    let says: &[u8] = match number % 4 {
        0 => &[],
        1 => CHOOSE_NOISE,
        2 => HALF_A_KEY,
        _ => {
            if let Ok(stranger) = Stranger::dial(flood.network, from, to).await {
                flood.note(|tally| tally.connected += 1);
                // It has made the handshake, and never says hello.
                let _ = timeout(STAY, stranger.closed()).await;
            }
            return;
        }
    };
    let Ok(mut stream) = connect_from(from, to).await else {
        return;
    };
    flood.note(|tally| tally.connected += 1);
    if stream.write_all(says).await.is_ok() {
        let mut heard = [0; 64];
        let hears = async { while matches!(stream.read(&mut heard).await, Ok(1..)) {} };
        let _ = timeout(STAY, hears).await;
    }
}
