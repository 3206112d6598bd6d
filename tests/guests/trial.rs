//! A guest program as a named test.

use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use newroot_testkit::{Bed, Engine, Guest, Linkage, Skipped, skip};

/// Returns a named test: `trap::fs::rename_onto_mount_point`, with a suffix such as `@musl` for a
/// second linkage. `kind` is the engine's name, or the word for a native run.
pub(crate) fn trial(
    (kind, engine): (&str, Option<Engine>),
    bed: &Arc<Bed>,
    guest: &Arc<Guest>,
    linkage: Linkage,
    check: impl FnOnce(&Bed, &Guest, Linkage) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let suffix = match linkage {
        Linkage::Static => "",
        Linkage::Dynamic => "@dynamic",
        Linkage::Musl => "@musl",
        Linkage::Newer => "@newer",
    };
    let name = format!("{kind}::{}{suffix}", guest.name);
    let (bed, guest) = (Arc::clone(bed), Arc::clone(guest));
    Trial::test(name.clone(), move || match bed.lacks(&guest, linkage, engine.as_ref()) {
        Some(reason) => {
            skip(&name, reason);
            Ok(())
        }
        None => check(&bed, &guest, linkage),
    })
}

/// Runs the tests and prints the number of skipped ones.
pub(crate) fn conclude(arguments: &Arguments, trials: Vec<Trial>) -> ExitCode {
    let conclusion = libtest_mimic::run(arguments, trials);
    if let Some(line) = Skipped::here().line() {
        println!("{line}");
    }
    conclusion.exit_code()
}
