//! Guest programs where the kernel lacks a call, or a policy denies it: same facts, same files.
//!
//! A filter around everything makes the call fail with ENOSYS or EPERM, for newroot, for the guest
//! and for the oracle. CI tries each rule with the areas of guests that depend on the call most;
//! `cargo xtask lacking` tries all areas.

use std::sync::Arc;

use libtest_mimic::Trial;
use newroot_testkit::{Bed, Engine, Guest, ROOTS_AREA};

use crate::trial::trial;

/// Calls that a host lacks, and their name in tests.
struct Lack {
    /// A rule for [`Enter::deny`](newroot_testkit::Enter::deny).
    rules: &'static [&'static str],
    /// The areas of guests that CI tries.
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
    // The answer of a kernel that lacks the option.
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

/// The engines that are tried. A call also traps at least once before its call site is patched.
const ENGINES: [Engine; 3] = [
    Engine { name: "trap_patched", options: &["--engine=trap", "--patch-after=1"], ..Engine::TRAP },
    Engine::NAMESPACE,
    Engine {
        name: "fake_root",
        options: &["--engine=trap", "--patch-after=1", "--root"],
        ..Engine::FAKE_ROOT
    },
];

/// Calls whose answer the trap engine gives by itself, whatever the kernel has: it emulates
/// openat2, and reports clone3 as missing, because C libraries handle ENOSYS better than EPERM.
const OWN: [&str; 2] = ["openat2=", "clone3="];

/// Calls that only root may make on such a kernel, and that fake root therefore makes.
const ROOTS_OWN: [&str; 1] = ["linkat_by_descriptor="];

/// Known differences: calls for which the trap engine has no replacement. Only PR_SET_MM sets the
/// kernel's record of where the guest's heap and variables are: without it the heap lies behind the
/// shim, and procfs shows empty variables behind the guest's own (docs/limits.md). Only a memory
/// file has a name that identifies its file. Where users other than root may link by a descriptor,
/// the oracle gives the newer kernel's answer.
const KNOWN: [(&str, &str); 6] = [
    ("prctl_set_mm=", "memory::the_heap_grows"),
    ("prctl_set_mm=", "exec::program_names_in_procfs"),
    ("memfd_create=", "exec::program_without_a_name"),
    ("memfd_create=", "proc::maps_is_a_file_of_procfs"),
    ("memfd_create=", "owner::status_is_a_file_of_procfs"),
    ("linkat_by_descriptor=", "owner::unnamed_files_get_names"),
];

/// Guests that natively see the filters around them, of which this is one.
const SEE_FILTERS: [&str; 3] =
    ["seccomp::none_at_first", "seccomp::no_new_privileges", "owner::filters_need_privileges"];

/// Variable that `cargo xtask lacking` sets.
const ALL: &str = "NEWROOT_LACKING_ALL";

/// Returns the tests of guest programs without each call. Each name begins with the rule, as in
/// `statx=ENOSYS::trap_patched::fs::links`; no other test's name contains `=`.
pub(crate) fn trials(bed: &Arc<Bed>, guests: &[Arc<Guest>]) -> Vec<Trial> {
    let all = std::env::var_os(ALL).is_some();
    let mut trials = Vec::new();
    for lack in &LACKING {
        for engine in ENGINES {
            let chosen = |guest: &&Arc<Guest>| {
                let few = lack.areas.iter().any(|area| guest.is_in(area))
                    && (engine.name == "trap_patched" || guest.is_in(ROOTS_AREA));
                engine.is_tried(guest) && (all || few) && !is_known(&engine, lack, guest)
            };
            for guest in guests.iter().filter(chosen) {
                let engine = without(engine, lack);
                let name = format!("{}::{}", lack.rules[0], engine.name);
                for &linkage in &guest.linkages {
                    trials.push(trial(
                        (&name, Some(engine)),
                        bed,
                        guest,
                        linkage,
                        move |bed, guest, linkage| Ok(bed.check(guest, linkage, engine)?),
                    ));
                }
            }
        }
    }
    trials
}

/// Returns the engine on a host that lacks the calls.
fn without(engine: Engine, lack: &Lack) -> Engine {
    let of_trap = engine.differences != Engine::NAMESPACE.differences;
    if of_trap && lack.is_one_of(&OWN) || engine.fake_root && lack.is_one_of(&ROOTS_OWN) {
        Engine { denied: lack.rules, ..engine }
    } else {
        Engine { lacking: lack.rules, ..engine }
    }
}

/// Whether the guest has a known difference there.
fn is_known(engine: &Engine, lack: &Lack, guest: &Guest) -> bool {
    if SEE_FILTERS.contains(&&*guest.name) {
        return true;
    }
    let of_trap = engine.differences != Engine::NAMESPACE.differences;
    of_trap && KNOWN.iter().any(|(call, name)| lack.is_one_of(&[call]) && guest.name == *name)
}

impl Lack {
    fn is_one_of(&self, calls: &[&str]) -> bool {
        calls.iter().any(|call| self.rules[0].starts_with(call))
    }
}
