//! No honest node stops by itself, loses its log, or finds that it contradicts itself.

use super::{Judge, Sighting, What};

/// See the module.
#[derive(Default)]
pub struct Standing;

impl Judge for Standing {
    fn rule(&self) -> &'static str {
        "standing"
    }

    fn see(&mut self, sighting: &Sighting<'_>) -> Result<(), String> {
        match sighting.what {
            What::Halted(contradiction) => Err(format!("halted: {contradiction}")),
            What::Lost(why) => Err((*why).to_owned()),
            _ => Ok(()),
        }
    }
}
