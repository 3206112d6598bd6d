//! The kernel's result for each guest. Each guest runs natively once for all engines; the trial
//! `native` of each guest checks that a second run gives the same.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use super::{Bed, Engine, Facts};
use crate::guest::{Guest, Linkage};

/// A native run: the program, its user, and the missing system calls.
#[derive(PartialEq, Eq, Hash)]
struct Question {
    source: PathBuf,
    linkage: Linkage,
    by_root: bool,
    lacking: &'static [&'static str],
}

/// Results so far, and runs that other threads wait for.
#[derive(Default)]
pub(super) struct Natives(Mutex<HashMap<Question, Arc<OnceLock<Facts>>>>);

impl Bed {
    /// Returns the kernel's result of `guest` that `engine` has to match.
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
