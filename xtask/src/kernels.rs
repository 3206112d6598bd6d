//! The tests on real kernels of other versions, in machines that qemu emulates.

mod disk;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, Instant};

use clap::Parser;

use crate::machine::packages::{self, KERNELS};
use crate::machine::{Machine, Processor};
use crate::results::{Table, Verdict};
use crate::{Outcome, executables};

/// Run the tests on Debian's kernels, emulated
#[derive(Parser)]
#[command(name = "cargo xtask kernels", no_binary_name = true)]
struct Options {
    /// Kernel versions: 5.10, 6.1, 6.12 [default: all]
    kernels: Vec<String>,
    /// Run these test programs (folders in `tests`)
    #[arg(long, value_name = "NAME,...", value_delimiter = ',', default_values_t = TESTS.map(str::to_owned))]
    tests: Vec<String>,
    /// Run only tests with one of these texts in their names
    #[arg(long, value_name = "TEXT,...", value_delimiter = ',', default_value = "")]
    filter: Vec<String>,
    /// Leave out tests with one of these texts in their names
    #[arg(long, value_name = "TEXT,...", value_delimiter = ',', default_values_t = SKIPPED.map(str::to_owned))]
    skip: Vec<String>,
    /// Apply this setting to the machine's /proc/sys
    #[arg(long, value_name = "NAME=VALUE")]
    sysctl: Vec<String>,
    /// Time limit for one kernel, in minutes
    #[arg(long, value_name = "N", default_value_t = 60)]
    minutes: u64,
}

/// Default test programs. Others need Landlock, or programs that the machine doesn't have.
const TESTS: [&str; 2] = ["guests", "fake_root"];

/// Tests of these programs that are left out by default: guests where a filter makes a call fail,
/// which these kernels do by themselves, and processes in namespaces.
const SKIPPED: [&str; 2] = ["=", "peers::"];

pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let options = Options::try_parse_from(&arguments).unwrap_or_else(|error| error.exit());
    let mut kernels = KERNELS.to_vec();
    for wanted in &options.kernels {
        if !KERNELS.iter().any(|(version, _)| version == wanted) {
            return Err(
                format!("no kernel {wanted}: {}", KERNELS.map(|(version, _)| version).join(", ")).into()
            );
        }
    }
    kernels.retain(|(version, _)| {
        options.kernels.is_empty() || options.kernels.iter().any(|wanted| wanted == version)
    });

    let cache = packages::cache()?;
    let qemu = packages::qemu(&cache)?;
    let mut test = vec!["test", "--release", "--package", "newroot", "--no-run"];
    test.extend(options.tests.iter().flat_map(|name| ["--test", name.as_str()]));
    // newroot itself is one of them.
    let mut programs = executables(crate::cargo().args(test))?;
    programs.retain(|program| program.parent().is_some_and(|parent| parent.ends_with("deps")));
    let scratch = packages::scratch(&cache)?;
    let disk = scratch.path().join("disk");
    disk::make(&disk, &programs, &options.filter, &options.skip)?;

    let mut results = Results::default();
    for (version, _) in kernels {
        let kernel = packages::kernel(&cache, version)?;
        let start = Instant::now();
        let log = cache.join(format!("{version}.log"));
        let machine = Machine {
            qemu: &qemu,
            kernel: &kernel,
            processor: Processor::Quick,
            disks: &[&disk],
            log: &log,
            settings: &options.sysctl,
        };
        let time = Duration::from_secs(options.minutes * 60);
        let ended = machine.run(scratch.path(), time, |line| results.take(version, line));
        eprintln!("Linux {version}: {} s; its output is in '{}'", start.elapsed().as_secs(), log.display());
        // A failure with one kernel doesn't stop the others.
        if let Err(error) = results.names(version).and(ended) {
            eprintln!("Linux {version}: {error}");
            results.broken += 1;
        }
    }
    results.print()
}

/// Results of the tests on all kernels.
#[derive(Default)]
struct Results {
    table: Table,
    /// The running test program.
    program: String,
    /// Names of skipped tests, and the reasons.
    skipped: BTreeMap<String, String>,
    /// Names of failed tests.
    failed: Vec<String>,
    /// Numbers of programs that started and that ended.
    begun: [u32; 2],
    /// Number of kernels whose tests didn't run to the end.
    broken: u32,
}

impl Results {
    /// Processes a line of a machine's output.
    fn take(&mut self, version: &str, line: &str) {
        let line = line.trim_end();
        if let Some(program) = line.strip_prefix(disk::BEGUN) {
            self.program = program.to_owned();
            self.begun[0] += 1;
        } else if line.starts_with(disk::ENDED) {
            self.begun[1] += 1;
        } else if let Some((name, reason)) =
            line.split_once("SKIP ").and_then(|(_, rest)| rest.split_once(": "))
        {
            self.skipped.insert(name.to_owned(), reason.to_owned());
        } else if let Some(Verdict { name, passed }) = Verdict::of(line) {
            if passed && self.skipped.contains_key(name) {
                return;
            }
            let row = match name.split_once("::") {
                Some((engine, _)) => format!("{}: {engine}", self.program),
                None => self.program.clone(),
            };
            self.table.add(&row, version, passed);
            if !passed {
                self.failed.push(format!("{}: {name}", self.program));
            }
        }
    }

    /// Prints skipped and failed tests of the last kernel, which the table doesn't name.
    fn names(&mut self, version: &str) -> Outcome {
        let mut reasons: BTreeMap<String, u32> = BTreeMap::new();
        for reason in std::mem::take(&mut self.skipped).into_values() {
            *reasons.entry(reason).or_default() += 1;
        }
        for (reason, count) in reasons {
            println!("Linux {version}: {count} skipped: {reason}");
        }
        for name in self.failed.drain(..) {
            println!("Linux {version}: FAILED {name}");
        }
        let [begun, ended] = std::mem::take(&mut self.begun);
        if begun > 0 && begun == ended {
            Ok(())
        } else {
            Err(format!("{ended} of {begun} test programs finished").into())
        }
    }

    fn print(&self) -> Outcome {
        println!("\n{}", self.table.text("tests"));
        match (self.table.failed(), self.broken) {
            (0, 0) => Ok(()),
            (failed, broken) => Err(format!("{failed} failed, {broken} kernels not finished").into()),
        }
    }
}
