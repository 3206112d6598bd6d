//! Tests that can't run here: printed, counted, and failures in CI.

use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// Says that test `name` can't run here because of `reason`. The caller returns after it.
///
/// # Panics
/// Where the environment says `CI=true`: a machine that was set up to run everything must.
pub fn skip(name: &str, reason: &str) {
    SKIPPED.fetch_add(1, Ordering::Relaxed);
    // Not `eprintln!`, which the test harness would swallow with a passing test's output. In one piece, so that nothing
    // comes between: what is told of tests goes to the same place.
    let line = format!("SKIP {name}: {reason}\n");
    let _ = std::io::stderr().write_all(line.as_bytes());
    assert!(!skip_is_failure(), "{name} was skipped in CI: {reason}");
}

/// Whether this is a machine where nothing may be skipped.
#[must_use]
pub fn skip_is_failure() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// How many tests of this process were skipped.
#[must_use]
pub fn skipped() -> usize {
    SKIPPED.load(Ordering::Relaxed)
}
