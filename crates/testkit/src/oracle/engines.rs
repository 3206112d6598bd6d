//! The engines that random cases compare with the kernel.

use crate::engine::Engine;

/// All engines. The trap engine also runs without the calls and the patches that it only uses for
/// speed.
pub const ENGINES: [Engine; 7] = [
    Engine::TRAP,
    // Patches every call site after its first trap.
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
