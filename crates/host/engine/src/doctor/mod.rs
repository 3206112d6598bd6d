//! What this host allows, found by doing it in a child.
//!
//! Version numbers lie: a container's seccomp profile, a security module or a sysctl takes
//! away what the kernel has. So each [`Check`] forks a child that does the thing for good,
//! and dies of it if that is what happens here. Nothing is left behind.

mod attempt;
mod files;
mod memory;
mod namespaces;
mod places;
mod processes;
mod program;
mod raw;
mod traps;

/// What the host allows, and which engines can run here.
#[derive(Clone, Debug)]
pub struct Report {
    /// One for each [`Feature`], in the order to show them.
    pub checks: Vec<Check>,
    /// The engines, the one that `auto` stands for first.
    pub engines: Vec<EngineReport>,
}

/// Something that a host may allow or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feature {
    /// prctl(PR_SET_NO_NEW_PRIVS), without which an ordinary user can't install a filter.
    NoNewPrivileges,
    /// A seccomp filter that traps a call into a signal handler.
    SeccompFilter,
    /// Executing a file that exists in memory alone.
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
    /// The processes of others in `/proc`: no hidepid.
    OtherProcesses,
    /// Telling the kernel where argv, auxv and the heap are.
    MemoryMap,
    /// Changing a program's code in memory, by which the trap engine spares it signals.
    WritableCode,
    /// Path lookup confined by the kernel.
    Openat2,
    /// A user namespace, with mounts of its own.
    UserNamespace,
    /// Mounts of one's own without a user namespace: for root.
    PrivateMounts,
    /// chroot(2): for root.
    Chroot,
    /// Tracing a child.
    Ptrace,
    /// Reading the memory of a child.
    ProcessVmRead,
    /// Landlock rules.
    Landlock,
}

impl Feature {
    /// The name to show.
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

/// What became of trying one feature.
#[derive(Clone, Debug)]
pub struct Check {
    /// What was tried.
    pub feature: Feature,
    /// How it went.
    pub outcome: Outcome,
}

/// How trying something went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It worked; a detail worth showing, or nothing.
    Works(String),
    /// It didn't, and why.
    Fails(String),
    /// There was nothing to try it on, and why.
    Absent(String),
}

/// Whether an engine can run here.
#[derive(Clone, Debug)]
pub struct EngineReport {
    /// The engine's name.
    pub name: &'static str,
    /// Whether it can run.
    pub verdict: Verdict,
}

/// Whether an engine can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It can.
    Runs,
    /// The host lacks these; any one of each group would do.
    Lacks(Vec<&'static [Feature]>),
}

impl Report {
    /// The engine that [`EngineChoice::Auto`](crate::EngineChoice::Auto) stands for here, if it runs.
    #[must_use]
    pub fn auto(&self) -> Option<&EngineReport> {
        self.engines.first().filter(|engine| engine.verdict == Verdict::Runs)
    }

    /// Whether any engine can run here.
    #[must_use]
    pub fn any_runs(&self) -> bool {
        self.engines.iter().any(|engine| engine.verdict == Verdict::Runs)
    }
}

/// What the trap engine can't do without: of each group, one.
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
    // Without /proc, the shim can only be executed again by the name of a file.
    &[Feature::Proc, Feature::RuntimeDirExec, Feature::HomeExec, Feature::SharedMemoryExec, Feature::TmpExec],
];

/// Tries everything.
///
/// To be called from a process that has nothing else to do: it forks, and takes SIGCHLD's
/// default action, without which no child's status could be read.
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
    // As `launch` has it.
    let namespace_first =
        if is_root { namespace.verdict == Verdict::Runs } else { !has(&[Feature::SeccompFilter]) };
    if namespace_first { vec![namespace, trap, chroot] } else { vec![trap, namespace, chroot] }
}

/// Whether an ordinary user gets what the namespace engine needs.
pub(crate) fn grants_namespaces() -> bool {
    matches!(namespaces::user_namespace(), Outcome::Works(_))
}

/// Whether of each group of needs one is met.
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
    fn what_is_lacking_is_named() {
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
