//! Rust's own tests of the parts of its standard library that call the kernel.

use super::Suite;
use super::cases::{Cases, Verdict};

pub(super) const SUITE: Suite = Suite {
    name: "rust",
    packages: &["cargo", "librust-libc-dev", "librust-rand-dev", "rust-src"],
    source: None,
    // The library isn't rebuilt: its modules' tests are put below modules that re-export the
    // installed library under the same names. One test reads a private field, which has an
    // accessor.
    prepare: r#"library=$(echo /usr/src/rustc-*/library/std/src)
        mkdir /suite/src /suite/.cargo
        cd /suite
        cat > Cargo.toml <<'END'
[package]
name = "std-tests"
version = "0.0.0"
edition = "2021"
[dependencies]
libc = "*"
rand = "*"
END
        cat > .cargo/config.toml <<'END'
[source.crates-io]
replace-with = "packaged"
[source.packaged]
directory = "/usr/share/cargo/registry"
END
        sed 's/dir_entry\.0\.path()/dir_entry.path()/' "$library/fs/tests.rs" > src/fs_tests.rs
        cat > src/lib.rs <<END
#![cfg(test)]
#![allow(warnings)]
#![feature(io_error_more, io_error_uncategorized, peer_credentials_unix_socket, unix_socket_abstract)]
#![feature(unix_socket_ancillary_data, unix_socket_peek, thread_id_value, read_buf)]
pub use std::{any, cell, collections, ffi, io, iter, mem, panic, path, ptr, result, str, sync, time};
pub mod env { pub use std::env::*; #[path = "$library/env/tests.rs"] mod tests; }
pub mod fs { pub use std::fs::*; #[path = "/suite/src/fs_tests.rs"] mod tests; }
pub mod process { pub use std::process::*; #[path = "$library/process/tests.rs"] mod tests; }
pub mod thread {
    pub use std::{any::Any, mem, result, sync::*, thread::*};
    #[path = "$library/thread/tests.rs"] mod tests;
}
pub mod os { pub mod unix {
    pub use std::os::unix::*;
    pub mod net { pub use std::os::unix::net::*; #[path = "$library/os/unix/net/tests.rs"] mod tests; }
} }
pub mod sys_common { #[path = "$library/sys_common/io.rs"] pub mod io; }
END
        RUSTC_BOOTSTRAP=1 cargo test --quiet --offline --no-run
        cp "$(find target/debug/deps -type f -name 'std_tests-*' -perm -1)" tests"#,
    version: "rustc --version | cut -d' ' -f2",
    groups: "echo env fs os process thread",
    run: "exec /suite/tests \"$1::\"",
    read,
    explained: &[],
};

/// Parses `test NAME ... ok`.
fn read(printed: &str) -> Cases {
    let mut cases = Cases::default();
    for line in printed.lines() {
        let Some((name, verdict)) = line.strip_prefix("test ").and_then(|line| line.split_once(" ... "))
        else {
            continue;
        };
        let verdict = match verdict {
            "ok" => Verdict::Passed,
            verdict if verdict.starts_with("ignored") => Verdict::Skipped,
            _ => Verdict::Failed,
        };
        cases.add(name.split(" - should panic").next().unwrap_or(name), verdict);
    }
    cases
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_has_to_panic_is_a_case_like_others() {
        let mut expected = Cases::default();
        expected.add("fs::tests::a", Verdict::Passed);
        expected.add("fs::tests::b", Verdict::Failed);
        expected.add("fs::tests::c", Verdict::Skipped);
        let printed = "running 3 tests\ntest fs::tests::a - should panic ... ok\n\
            test fs::tests::b ... FAILED\ntest fs::tests::c ... ignored\ntest result: FAILED. 1 passed\n";
        assert!(read(printed) == expected);
    }
}
