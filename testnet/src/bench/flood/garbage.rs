//! Bytes that mean nothing, through every door that is open to those who have said hello.

use std::io;
use std::rc::Rc;

use net::{Door, Stranger};
use tokio::task::{LocalSet, yield_now};

use super::flooder::{Flood, crowd};

/// Strangers at a time.
const STRANGERS: usize = 64;

/// A long piece of garbage, in bytes.
const LONG: usize = 128 * 1_024;

pub(super) fn spawn(strangers: &LocalSet, flood: &Rc<Flood>) {
    crowd(strangers, flood, STRANGERS, visit);
}

async fn visit(flood: Rc<Flood>) {
    let Some(stranger) = flood.guest().await else {
        return;
    };
    // It goes on until it is shown the door.
    while babble(&flood, &stranger).await.is_ok() {
        // What fails at once must not keep the connection from coming to its end.
        yield_now().await;
    }
}

/// Says something senseless at one door.
async fn babble(flood: &Flood, stranger: &Stranger) -> io::Result<()> {
    let number = flood.number();
    let door = Door::ALL[number as usize % Door::ALL.len()];
    let mut speech = match stranger.open(door).await {
        Ok(speech) => speech,
        // One door less; the connection is gone if it is the last.
        Err(_) if !stranger.is_closed() => return Ok(()),
        Err(error) => return Err(error),
    };
    flood.note(|tally| tally.frames += 1);
    let said = match number / Door::ALL.len() as u64 % 4 {
        0 => speech.frame(&noise(number, 200)).await,
        // A frame that says it is as long as can be.
        1 => speech.say(&[0xff; 64]).await,
        2 => speech.frame(&noise(number, LONG)).await,
        // A frame that does not come.
        _ => speech.say(&[0, 0, 1, 0, 7]).await,
    };
    // That the node does not read it to the end is as it should be.
    drop(said);
    Ok(())
}

/// So many bytes that are like no others.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let byte = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(byte).collect()
}
