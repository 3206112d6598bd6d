//! Guest programs where the kernel lacks a call, or a policy denies it: same facts, same files.
//!
//! A filter around everything makes the call answer ENOSYS or EPERM, to newroot and to the guest, and to the
//! oracle as well. CI tries each with the areas of guests that have most to do with it;
//! `cargo xtask lacking` with all.

#[path = "guests/trial.rs"]
mod trial;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::Arguments;
use newroot_testkit::{Engine, Guest, ROOTS_AREA, discover};

use trial::{conclude, trial};

/// What is lacking, what it is called in tests.
struct Lack {
    /// A rule for [`Enter::deny`](newroot_testkit::Enter::deny).
    rules: &'static [&'static str],
    /// The areas of guests that CI tries it with.
    areas: &'static [&'static str],
}

const fn lack(rules: &'static [&'static str], areas: &'static [&'static str]) -> Lack {
    Lack { rules, areas }
}

const LACKING: [Lack; 20] = [
    lack(&["openat2=ENOSYS"], &["library"]),
    lack(&["openat2=EPERM"], &["lookup"]),
    lack(&["statx=ENOSYS"], &["fs"]),
    lack(&["statx=EPERM"], &["fs", ROOTS_AREA]),
    lack(&["clone3=ENOSYS"], &["spawn"]),
    lack(&["clone3=EPERM"], &["spawn"]),
    lack(&["faccessat2=ENOSYS"], &["lookup"]),
    lack(&["faccessat2=EPERM"], &["lookup", "bindings"]),
    lack(&["memfd_create=ENOSYS"], &["exec", "proc"]),
    lack(&["memfd_create=EPERM"], &["exec", "proc", "root"]),
    lack(&["close_range=ENOSYS"], &["spawn"]),
    lack(&["close_range=EPERM"], &["spawn"]),
    // What a kernel without it says of an option.
    lack(&["prctl_set_mm=EINVAL"], &["memory"]),
    lack(&["prctl_set_mm=EPERM"], &["memory", "exec"]),
    // Linux before 6.11.
    lack(&["procmap_query=ENOTTY"], &["signals"]),
    lack(&["landlock_create_ruleset=ENOSYS"], &["library"]),
    lack(&["landlock_create_ruleset=EPERM"], &["library"]),
    lack(&["rseq=ENOSYS"], &["threads"]),
    lack(&["rseq=EPERM"], &["threads"]),
    // Linux before 6.10, without CAP_DAC_READ_SEARCH.
    lack(&["linkat_by_descriptor=ENOENT"], &[ROOTS_AREA]),
];

/// Whom they are tried on. A call takes the way of a trap, too, before its place in the code is patched.
const ENGINES: [Engine; 3] = [
    Engine { name: "trap_patched", options: &["--engine=trap", "--patch-after=1"], ..Engine::TRAP },
    Engine::NAMESPACE,
    Engine {
        name: "fake_root",
        options: &["--engine=trap", "--patch-after=1", "--root"],
        ..Engine::FAKE_ROOT
    },
];

/// What the trap engine has of its own for guests, whatever the kernel has: openat2, and that there is no clone3,
/// which C libraries take better than EPERM.
const OWN: [&str; 2] = ["openat2=", "clone3="];

/// What only root may on such a kernel, and so fake root does.
const ROOTS_OWN: [&str; 1] = ["linkat_by_descriptor="];

/// Where the trap engine can't do without. Only PR_SET_MM tells the kernel where the guest's heap
/// and variables are: else the heap lies behind the shim, and procfs shows empty variables behind
/// the guest's own (README). Only a memory file has a name that says which file it stands for. And
/// whether anybody but root may link by a descriptor, is the newer kernel's answer in the oracle.
const MEANT: [(&str, &str); 6] = [
    ("prctl_set_mm=", "memory::the_heap_grows"),
    ("prctl_set_mm=", "exec::who_proc_says_we_are"),
    ("memfd_create=", "exec::program_without_a_name"),
    ("memfd_create=", "proc::maps_is_a_file_of_procfs"),
    ("memfd_create=", "owner::status_is_a_file_of_procfs"),
    ("linkat_by_descriptor=", "owner::unnamed_files_get_names"),
];

/// They see the filters around them natively, of which this is one.
const SEE_FILTERS: [&str; 3] =
    ["seccomp::none_at_first", "seccomp::no_new_privileges", "owner::filters_need_privileges"];

/// Set by `cargo xtask lacking`.
const ALL: &str = "NEWROOT_LACKING_ALL";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let all = std::env::var_os(ALL).is_some();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests");
    let bed = Arc::new(newroot_testkit::bed!());
    let guests: Vec<Arc<Guest>> = discover(&folder).into_iter().map(Arc::new).collect();
    let mut trials = Vec::new();
    for lack in &LACKING {
        for engine in ENGINES {
            let chosen = |guest: &&Arc<Guest>| {
                let few = lack.areas.iter().any(|area| guest.is_in(area))
                    && (engine.name == "trap_patched" || guest.is_in(ROOTS_AREA));
                engine.is_tried(guest) && (all || few) && !is_meant(&engine, lack, guest)
            };
            for guest in guests.iter().filter(chosen) {
                let engine = without(engine, lack);
                let name = format!("{}::{}", lack.rules[0], engine.name);
                for &linkage in &guest.linkages {
                    trials.push(trial(
                        (&name, Some(engine)),
                        &bed,
                        guest,
                        linkage,
                        move |bed, guest, linkage| Ok(bed.check(guest, linkage, engine)?),
                    ));
                }
            }
        }
    }
    conclude(&arguments, trials)
}

/// The engine on a host that lacks something.
fn without(engine: Engine, lack: &Lack) -> Engine {
    let of_trap = engine.differences != Engine::NAMESPACE.differences;
    if of_trap && lack.is_one_of(&OWN) || engine.fake_root && lack.is_one_of(&ROOTS_OWN) {
        Engine { denied: lack.rules, ..engine }
    } else {
        Engine { lacking: lack.rules, ..engine }
    }
}

/// Whether a guest is known to see a difference.
fn is_meant(engine: &Engine, lack: &Lack, guest: &Guest) -> bool {
    if SEE_FILTERS.contains(&&*guest.name) {
        return true;
    }
    let of_trap = engine.differences != Engine::NAMESPACE.differences;
    of_trap && MEANT.iter().any(|(call, name)| lack.is_one_of(&[call]) && guest.name == *name)
}

impl Lack {
    fn is_one_of(&self, calls: &[&str]) -> bool {
        calls.iter().any(|call| self.rules[0].starts_with(call))
    }
}
