//! Trees, guests and oracles for the tests.
//!
//! The kernel is the oracle. A guest program (`tests/guests/<area>/<behaviour>.c`) runs twice, on
//! new copies of one [`Fixture`]: natively, in a real chroot with real bind mounts, and through
//! newroot. It prints facts. The facts, the exit status and the files afterwards must be the same.
//!
//! If the test bed itself can't be made, everything here panics with a readable message. A test
//! that can't run is a failed test, or a [`skip()`] that is printed and counted.

mod bed;
mod busybox;
mod compare;
mod compile;
mod debian;
mod engine;
mod enter;
mod fixture;
mod guest;
mod links;
pub mod oracle;
mod run;
mod skip;
mod snapshot;
mod teller;
mod terminal;

pub use bed::{Bed, Facts};
pub use busybox::{own, static_busybox};
pub use compare::difference;
pub use debian::{
    GUEST_USER, SCRATCH, debian, debian_archive, debian_archive_path, debian_recipe, debian_root,
    newer_libraries, newer_libraries_path,
};
pub use engine::{Engine, ROOTS_AREA};
pub use enter::{Enter, User};
pub use fixture::{Binding, Fixture};
pub use guest::{ExtraBinding, Guest, Linkage, discover};
pub use links::restore as links_left;
pub use run::{Ending, Outcome, contained, run, run_within, succeed};
pub use skip::{Skipped, skip, skip_is_failure};
pub use snapshot::snapshot;
pub use teller::teller;
pub use terminal::Terminal;
