//! The last test program of `cargo test`: it prints the number of tests that the others skipped,
//! and how to have them run.
//!
//! Cargo runs packages in the order of their names, and has nothing that runs after all tests.

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    if let Some(line) = newroot_testkit::Skipped::of_all_programs().line() {
        println!("\n{line}\n");
    }
}
