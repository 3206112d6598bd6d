//! Finds out what this host allows, by trying it in a child.
//!
//! Version numbers aren't enough: a container's seccomp profile, a security module or a sysctl
//! takes away what the kernel has. So each [`Check`] forks a child that really does the thing, and
//! may die of it. Nothing stays behind.

mod attempt;
mod files;
mod memory;
mod namespaces;
mod places;
mod processes;
mod program;
mod raw;
mod traps;

/// Features that the host allows, and the engines that can run here.
#[derive(Clone, Debug)]
pub struct Report {
    /// One check for each [`Feature`], in the order of display.
    pub checks: Vec<Check>,
    /// The engines. The first is the one that `auto` chooses.
    pub engines: Vec<EngineReport>,
}

/// A feature that a host may allow or deny.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// prctl(PR_SET_NO_NEW_PRIVS). Without it an ordinary user can't install a filter.
    NoNewPrivileges,
    /// A seccomp filter that traps a call into a signal handler.
    SeccompFilter,
    /// Executing a memory file (memfd_create(2)).
    MemfdExec,
    /// Executing a file in the user's home directory.
    HomeExec,
    /// Executing a file in `/dev/shm`.
    SharedMemoryExec,
    /// Executing a file in `/tmp`.
    TmpExec,
    /// Executing a file in `$XDG_RUNTIME_DIR`.
    RuntimeDirExec,
    /// `/proc`, with this process in it.
    Proc,
    /// Other users' processes in `/proc`, that is, no hidepid.
    OtherProcesses,
    /// Setting where argv, auxv and the heap are (PR_SET_MM_MAP).
    MemoryMap,
    /// Changing a program's code in memory, which saves the trap engine signals.
    WritableCode,
    /// Path lookup that the kernel restricts (openat2(2)).
    Openat2,
    /// A user namespace with a mount namespace.
    UserNamespace,
    /// A mount namespace without a user namespace, for root.
    PrivateMounts,
    /// chroot(2), for root.
    Chroot,
    /// Tracing a child.
    Ptrace,
    /// Reading the memory of a child.
    ProcessVmRead,
    /// Landlock rules.
    Landlock,
}

impl Feature {
    /// Returns the name for display.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoNewPrivileges => "no_new_privs",
            Self::SeccompFilter => "seccomp filter",
            Self::MemfdExec => "exec from memory",
            Self::HomeExec => "exec from home",
            Self::SharedMemoryExec => "exec from /dev/shm",
            Self::TmpExec => "exec from /tmp",
            Self::RuntimeDirExec => "exec from runtime dir",
            Self::Proc => "/proc",
            Self::OtherProcesses => "others in /proc",
            Self::MemoryMap => "PR_SET_MM_MAP",
            Self::WritableCode => "patching of code",
            Self::Openat2 => "openat2",
            Self::UserNamespace => "user namespaces",
            Self::PrivateMounts => "private mounts",
            Self::Chroot => "chroot",
            Self::Ptrace => "ptrace",
            Self::ProcessVmRead => "process_vm_readv",
            Self::Landlock => "landlock",
        }
    }
}

/// One feature and the outcome of trying it.
#[derive(Clone, Debug)]
pub struct Check {
    /// The feature.
    pub feature: Feature,
    /// The outcome.
    pub outcome: Outcome,
}

/// The outcome of trying a feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It works. The text is a detail to show, or empty.
    Works(String),
    /// It fails, for this reason.
    Fails(String),
    /// It couldn't be tried, for this reason.
    Absent(String),
}

/// An engine, and whether it can run here.
#[derive(Clone, Debug)]
pub struct EngineReport {
    /// Name of the engine.
    pub name: &'static str,
    /// Whether the engine can run here.
    pub verdict: Verdict,
}

/// Whether an engine can run here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can run.
    Runs,
    /// The host lacks one feature of each of these groups. Any feature of a group would do.
    Lacks(Vec<&'static [Feature]>),
}

impl Report {
    /// Returns the engine that [`EngineChoice::Auto`](crate::EngineChoice::Auto) means here, if it
    /// can run.
    #[must_use]
    pub fn auto(&self) -> Option<&EngineReport> {
        self.engines.first().filter(|engine| engine.verdict == Verdict::Runs)
    }

    /// Returns whether any engine can run here.
    #[must_use]
    pub fn any_runs(&self) -> bool {
        self.engines.iter().any(|engine| engine.verdict == Verdict::Runs)
    }
}

/// Needs of the trap engine: one feature of each group.
const TRAP_NEEDS: &[&[Feature]] = &[
    &[Feature::NoNewPrivileges],
    &[Feature::SeccompFilter],
    &[
        Feature::MemfdExec,
        Feature::RuntimeDirExec,
        Feature::HomeExec,
        Feature::SharedMemoryExec,
        Feature::TmpExec,
    ],
    // Without /proc the shim can only be executed again by the name of a file.
    &[Feature::Proc, Feature::RuntimeDirExec, Feature::HomeExec, Feature::SharedMemoryExec, Feature::TmpExec],
];

/// Tries every feature.
///
/// Call it from a process that does nothing else: it forks, and sets SIGCHLD to its default action,
/// without which no child's status could be read.
#[must_use]
pub fn probe() -> Report {
    raw::take_default_sigchld();
    let checks: Vec<Check> = [
        (Feature::NoNewPrivileges, traps::no_new_privileges()),
        (Feature::SeccompFilter, traps::seccomp_filter()),
        (Feature::MemfdExec, places::memory()),
        (Feature::HomeExec, places::home()),
        (Feature::SharedMemoryExec, places::shared_memory()),
        (Feature::TmpExec, places::tmp()),
        (Feature::RuntimeDirExec, places::runtime_dir()),
        (Feature::Proc, files::proc_mounted()),
        (Feature::OtherProcesses, files::other_processes()),
        (Feature::MemoryMap, memory::memory_map()),
        (Feature::WritableCode, memory::writable_code()),
        (Feature::Openat2, files::openat2()),
        (Feature::UserNamespace, namespaces::user_namespace()),
        (Feature::PrivateMounts, namespaces::private_mounts()),
        (Feature::Chroot, namespaces::chroot()),
        (Feature::Ptrace, processes::ptrace()),
        (Feature::ProcessVmRead, memory::process_vm_readv()),
        (Feature::Landlock, files::landlock()),
    ]
    .into_iter()
    .map(|(feature, outcome)| Check { feature, outcome })
    .collect();
    let engines = judge_all(&checks, rustix::process::geteuid().is_root());
    Report { checks, engines }
}

fn judge_all(checks: &[Check], is_root: bool) -> Vec<EngineReport> {
    let namespace_needs: &[&[Feature]] =
        if is_root { &[&[Feature::PrivateMounts]] } else { &[&[Feature::UserNamespace]] };
    let engine = |name, needs| EngineReport { name, verdict: judge(needs, checks) };
    let trap = engine("trap", TRAP_NEEDS);
    let namespace = engine("namespace", namespace_needs);
    let chroot = engine("chroot", &[&[Feature::Chroot]]);
    let has = |feature| judge(&[feature], checks) == Verdict::Runs;
    // As in `launch`.
    let namespace_first =
        if is_root { namespace.verdict == Verdict::Runs } else { !has(&[Feature::SeccompFilter]) };
    if namespace_first { vec![namespace, trap, chroot] } else { vec![trap, namespace, chroot] }
}

/// Returns whether an ordinary user gets the namespaces that the namespace engine needs.
pub(crate) fn grants_namespaces() -> bool {
    matches!(namespaces::user_namespace(), Outcome::Works(_))
}

/// Checks that one feature of each group of needs works.
fn judge(needs: &[&'static [Feature]], checks: &[Check]) -> Verdict {
    let works = |feature: &Feature| {
        checks.iter().any(|check| check.feature == *feature && matches!(check.outcome, Outcome::Works(_)))
    };
    let lacking: Vec<_> = needs.iter().copied().filter(|group| !group.iter().any(works)).collect();
    if lacking.is_empty() { Verdict::Runs } else { Verdict::Lacks(lacking) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(feature: Feature, works: bool) -> Check {
        let outcome = if works { Outcome::Works(String::new()) } else { Outcome::Fails("no".into()) };
        Check { feature, outcome }
    }

    #[test]
    fn one_of_each_group_is_enough() {
        let checks = [
            check(Feature::NoNewPrivileges, true),
            check(Feature::SeccompFilter, true),
            check(Feature::MemfdExec, false),
            check(Feature::TmpExec, true),
            check(Feature::Proc, true),
        ];
        assert_eq!(judge(TRAP_NEEDS, &checks), Verdict::Runs);
    }

    #[test]
    fn missing_feature_is_named() {
        let checks = [
            check(Feature::NoNewPrivileges, true),
            check(Feature::SeccompFilter, false),
            check(Feature::MemfdExec, true),
        ];
        assert_eq!(judge(TRAP_NEEDS, &checks), Verdict::Lacks(vec![TRAP_NEEDS[1], TRAP_NEEDS[3]]));
    }

    #[test]
    fn proc_is_needed_where_only_memory_can_be_executed() {
        let basics = [check(Feature::NoNewPrivileges, true), check(Feature::SeccompFilter, true)];
        let runs = |more: &[Check]| judge(TRAP_NEEDS, &[&basics, more].concat()) == Verdict::Runs;
        assert!(runs(&[check(Feature::HomeExec, true)]));
        assert!(runs(&[check(Feature::MemfdExec, true), check(Feature::Proc, true)]));
        assert!(!runs(&[check(Feature::MemfdExec, true)]));
    }

    #[test]
    fn automatic_choice_is_the_namespace_engine_for_root_and_where_there_are_no_filters() {
        let first = |checks: &[Check], is_root| judge_all(checks, is_root)[0].name;
        let both = [check(Feature::SeccompFilter, true), check(Feature::PrivateMounts, true)];
        assert_eq!(first(&both, true), "namespace");
        assert_eq!(first(&both, false), "trap");
        let contained = [check(Feature::SeccompFilter, true), check(Feature::PrivateMounts, false)];
        assert_eq!(first(&contained, true), "trap");
        let unfiltered = [check(Feature::SeccompFilter, false), check(Feature::UserNamespace, true)];
        assert_eq!(first(&unfiltered, false), "namespace");
    }
}
