//! The engines that are held against the kernel here.

use crate::bed::Engine;

const TRAP: Engine = Engine {
    name: "trap",
    options: &["--engine=trap", "--no-patch"],
    by_root: false,
    fake_root: false,
    denied: &[],
    area: None,
    mount_points: false,
    differences: "",
};

const NAMESPACE: Engine =
    Engine { name: "namespace", options: &["--engine=namespace"], mount_points: true, ..TRAP };

/// Each of them, the trap engine also without what it only uses because it is quick.
pub const ENGINES: [Engine; 5] = [
    TRAP,
    // Every call site is patched as soon as it has trapped once.
    Engine { name: "trap_patched", options: &["--engine=trap", "--patch-after=1"], ..TRAP },
    Engine {
        name: "trap_without_openat2",
        options: &["--engine=trap", "--patch-after=1"],
        denied: &["openat2=ENOSYS"],
        ..TRAP
    },
    NAMESPACE,
    Engine { name: "chroot", options: &["--engine=chroot"], by_root: true, ..NAMESPACE },
];
