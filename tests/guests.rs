//! Every guest program, natively first and then on each engine: same facts, same files.
//!
//! The programs are found in `tests/guests`; the README there tells how to add one.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use newroot_testkit::{Bed, Engine, Facts, Guest, Linkage, difference, discover, skip, skipped};

/// The engines that have to agree with the kernel, each also without what it only uses
/// because it is quick.
const ENGINES: [Engine; 3] = [
    Engine { name: "trap", options: &["--engine=trap", "--no-patch"], denied: &[] },
    // Every call site is patched as soon as it has trapped once.
    Engine { name: "trap_patched", options: &["--engine=trap", "--patch-after=1"], denied: &[] },
    Engine {
        name: "trap_without_openat2",
        options: &["--engine=trap", "--patch-after=1"],
        denied: &["openat2=ENOSYS"],
    },
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests");
    let bed = Arc::new(newroot_testkit::bed!());
    let mut trials = Vec::new();
    for guest in discover(&folder) {
        let guest = Arc::new(guest);
        for &linkage in &guest.linkages {
            trials.push(trial("native", &bed, &guest, linkage, repeats));
            for engine in ENGINES {
                trials.push(trial(engine.name, &bed, &guest, linkage, move |bed, guest, linkage| {
                    on_engine(bed, guest, linkage, engine)
                }));
            }
        }
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if skipped() > 0 {
        println!("{} skipped", skipped());
    }
    conclusion.exit_code()
}

/// One named test: `trap::fs::rename_onto_mount_point`, with `@musl` or the like behind it
/// for a second linkage.
fn trial(
    kind: &str,
    bed: &Arc<Bed>,
    guest: &Arc<Guest>,
    linkage: Linkage,
    check: impl FnOnce(&Bed, &Guest, Linkage) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let suffix = match linkage {
        Linkage::Static => "",
        Linkage::Dynamic => "@dynamic",
        Linkage::Musl => "@musl",
    };
    let name = format!("{kind}::{}{suffix}", guest.name);
    let (bed, guest) = (Arc::clone(bed), Arc::clone(guest));
    Trial::test(name.clone(), move || match bed.lacks(&guest, linkage) {
        Some(reason) => {
            skip(&name, reason);
            Ok(())
        }
        None => check(&bed, &guest, linkage),
    })
}

/// A program is of use only if the kernel lets it come to its end, twice with the same facts.
fn repeats(bed: &Bed, guest: &Guest, linkage: Linkage) -> Result<(), Failed> {
    let facts = bed.native(guest, linkage);
    if facts.timed_out {
        return Err(format!("it doesn't end:\n{}", facts.printed).into());
    }
    agree(&facts, &bed.native(guest, linkage))
}

fn on_engine(bed: &Bed, guest: &Guest, linkage: Linkage, engine: Engine) -> Result<(), Failed> {
    let mut expected = bed.native(guest, linkage);
    if let Some(printed) = guest.expected_difference() {
        expected.printed = printed;
    }
    agree(&expected, &bed.on_engine(guest, linkage, engine))
}

/// Both are the same, or the test fails with what differs.
fn agree(expected: &Facts, seen: &Facts) -> Result<(), Failed> {
    match difference(&expected.text(), &seen.text()) {
        None => Ok(()),
        Some(difference) => Err(format!("- the kernel  + seen\n{difference}").into()),
    }
}
