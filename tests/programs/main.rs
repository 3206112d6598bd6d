//! Everyday use: real programs in a Debian guest, and work as root in the user's own root.

mod cases;
mod work;

use std::process::ExitCode;

use libtest_mimic::Arguments;
use newroot_testkit::Skipped;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    let programs = libtest_mimic::run(&arguments, cases::trials());
    arguments.test_threads = Some(arguments.test_threads.unwrap_or(work::THREADS).min(work::THREADS));
    let work = libtest_mimic::run(&arguments, work::trials());
    if let Some(line) = Skipped::here().line() {
        println!("{line}");
    }
    if programs.has_failed() || work.has_failed() { ExitCode::from(101) } else { ExitCode::SUCCESS }
}
