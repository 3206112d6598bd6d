//! Compares an engine with the kernel.

use super::{Bed, Engine, Facts};
use crate::compare::difference;
use crate::guest::{Guest, Linkage};

impl Bed {
    /// Runs `guest` on `engine`, and natively unless that was done before.
    ///
    /// # Errors
    /// The differences, if the engine's result isn't the kernel's, or that of the guest's
    /// `.differs` file.
    pub fn check(&self, guest: &Guest, linkage: Linkage, engine: Engine) -> Result<(), String> {
        let mut expected = self.expected_of(guest, linkage, engine);
        // Differences of the trap engine hold under fake root and with kept hard links, too.
        let of_root = engine.fake_root.then_some(Engine::FAKE_ROOT.differences);
        let of_trap = (engine.fake_root || engine.own_links).then_some(Engine::TRAP.differences);
        let mut endings = [Some(engine.differences), of_root, of_trap].into_iter().flatten();
        let differs = endings.find_map(|ending| guest.expected_difference(ending));
        if let Some(printed) = differs {
            expected.printed = printed;
        }
        expected.agree(&self.on_engine(guest, linkage, engine))
    }
}

impl Facts {
    /// Checks that a second run gave the same.
    ///
    /// # Errors
    /// The differences, if there are any.
    pub fn agree(&self, seen: &Self) -> Result<(), String> {
        match difference(&self.text(), &seen.text()) {
            None => Ok(()),
            Some(difference) => Err(format!("- the kernel  + seen\n{difference}")),
        }
    }
}
