//! Guest programs beside the kernel: on each engine, and where the kernel lacks a call.
//!
//! The programs are the C files in this folder; its README shows how to add one.

mod engines;
mod lacking;
mod trial;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::Arguments;
use newroot_testkit::{Guest, discover};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests");
    let bed = Arc::new(newroot_testkit::bed!());
    let guests: Vec<Arc<Guest>> = discover(&folder).into_iter().map(Arc::new).collect();
    let mut trials = engines::trials(&bed, &guests);
    trials.extend(lacking::trials(&bed, &guests));
    trial::conclude(&arguments, trials)
}
