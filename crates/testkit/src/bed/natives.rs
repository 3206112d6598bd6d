//! What the kernel says of each guest. It is asked once, for all engines: that it says the same each time is what the
//! trial `native` of each guest is for.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use super::{Bed, Engine, Facts};
use crate::guest::{Guest, Linkage};

/// What makes a difference: the program, who runs it, and what the kernel lacks.
#[derive(PartialEq, Eq, Hash)]
struct Question {
    source: PathBuf,
    linkage: Linkage,
    by_root: bool,
    lacking: &'static [&'static str],
}

/// The answers so far, and those that somebody waits for.
#[derive(Default)]
pub(super) struct Natives(Mutex<HashMap<Question, Arc<OnceLock<Facts>>>>);

impl Bed {
    /// The facts of `guest` on the real kernel that `engine` is to agree with.
    pub(super) fn expected_of(&self, guest: &Guest, linkage: Linkage, engine: Engine) -> Facts {
        let question = Question {
            source: guest.source.clone(),
            linkage,
            by_root: engine.fake_root,
            lacking: engine.lacking,
        };
        let answer =
            self.natives.0.lock().expect("nobody panics with it").entry(question).or_default().clone();
        let ask = || {
            if engine.fake_root {
                self.native_root(guest, linkage, engine.lacking)
            } else {
                self.native_without(guest, linkage, engine.lacking)
            }
        };
        answer.get_or_init(ask).clone()
    }
}
