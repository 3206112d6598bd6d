//! The engines that are held against the kernel here.

use crate::engine::Engine;

/// Each of them, the trap engine also without what it only uses because it is quick.
pub const ENGINES: [Engine; 7] = [
    Engine::TRAP,
    // Every call site is patched as soon as it has trapped once.
    Engine { name: "trap_patched", options: &["--engine=trap", "--patch-after=1"], ..Engine::TRAP },
    Engine {
        name: "trap_without_openat2",
        options: &["--engine=trap", "--patch-after=1"],
        denied: &["openat2=ENOSYS"],
        ..Engine::TRAP
    },
    Engine::NAMESPACE,
    Engine { name: "chroot", options: &["--engine=chroot"], by_root: true, ..Engine::NAMESPACE },
    Engine::FAKE_ROOT,
    Engine {
        name: "fake_root_patched",
        options: &["--engine=trap", "--patch-after=1", "--root"],
        ..Engine::FAKE_ROOT
    },
];
