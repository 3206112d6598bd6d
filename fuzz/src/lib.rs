//! What must hold of newroot's decoders, whatever bytes they are given.
//!
//! A module is one target: its `check` takes any bytes and panics if something doesn't hold. libFuzzer calls it
//! with bytes of its own making (`fuzz_targets`, which `cargo xtask fuzz` builds and runs), and an ordinary
//! `cargo test` with those that are kept in `corpus` (`tests/replay.rs`). What a decoder says is compared with a
//! second opinion where there is one: the kernel's rules told once more, a library, the table that a program was made
//! from.
//!
//! A new target is a module, a row in [`TARGETS`], a file in `fuzz_targets` with its `[[bin]]`, and a corpus.

pub mod acl;
pub mod arguments;
pub mod capabilities;
pub mod compression;
pub mod elf;
pub mod entries;
pub mod filter;
pub mod guard;
pub mod image;
pub mod index;
pub mod instruction;
pub mod link;
pub mod mounts;
pub mod plan;
pub mod procfs;
pub mod record;
pub mod session;
pub mod tar;
pub mod users;
pub mod walk;

mod lookup;
mod words;

/// A subject, and what holds of it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The name of its binary and of its corpus.
    pub name: &'static str,
    /// Panics if something doesn't hold.
    pub check: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "acl", check: acl::check },
    Target { name: "arguments", check: arguments::check },
    Target { name: "capabilities", check: capabilities::check },
    Target { name: "compression", check: compression::check },
    Target { name: "elf", check: elf::check },
    Target { name: "entries", check: entries::check },
    Target { name: "filter", check: filter::check },
    Target { name: "guard", check: guard::check },
    Target { name: "image", check: image::check },
    Target { name: "index", check: index::check },
    Target { name: "instruction", check: instruction::check },
    Target { name: "link", check: link::check },
    Target { name: "mounts", check: mounts::check },
    Target { name: "plan", check: plan::check },
    Target { name: "procfs", check: procfs::check },
    Target { name: "record", check: record::check },
    Target { name: "session", check: session::check },
    Target { name: "tar", check: tar::check },
    Target { name: "users", check: users::check },
    Target { name: "walk", check: walk::check },
];
