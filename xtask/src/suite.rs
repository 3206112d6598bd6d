//! Test suites of other projects, in the Debian guest: each case natively and in newroot.
//!
//! The native side is a chroot with real mounts, in which an ordinary user runs the suite;
//! newroot's side is the trap engine, started by the same user. Both must end each case in the same
//! way. Cases that differ are run again on both sides, and count where each side gives the same
//! result twice.

mod busybox;
mod cases;
mod coreutils;
mod git;
mod go;
mod lab;
mod python;
mod rust;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::thread;

use clap::Parser;
use newroot_testkit::{User, debian, debian_root};

use crate::{Outcome, build};
use cases::{Cases, Comparison};
use lab::{Lab, Side};

/// One project's suite.
struct Suite {
    name: &'static str,
    /// Debian packages that it needs in addition to the guest's.
    packages: &'static [&'static str],
    /// Its source package.
    source: Option<&'static str>,
    /// Script that builds it in `/suite`, as the ordinary user; the source is in `/suite/source`.
    prepare: &'static str,
    /// Script that prints its version.
    version: &'static str,
    /// Script that prints the names of the parts that are run one by one.
    groups: &'static str,
    /// Script that runs the part `$1`.
    run: &'static str,
    /// Parses a part's output into cases.
    read: fn(&str) -> Cases,
    /// Cases that differ, by the beginning of their names, and why the difference is intended.
    explained: &'static [(&'static str, &'static str)],
}

const SUITES: [&Suite; 6] =
    [&python::SUITE, &git::SUITE, &go::SUITE, &rust::SUITE, &coreutils::SUITE, &busybox::SUITE];

/// Run a project's own suite natively and in newroot, and compare. Needs root, for chroot.
#[derive(Parser)]
#[command(name = "cargo xtask suite", no_binary_name = true)]
struct Options {
    /// python, git, go, rust, coreutils or busybox
    suite: String,
    /// Run only parts with this text in their names
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Directory for the guest's copy and the suites [default: beside the Debian guest]
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
    /// The newroot to try [default: a release build of this tree]
    #[arg(long, value_name = "PROGRAM")]
    newroot: Option<PathBuf>,
    /// Time limit of a part, in seconds
    #[arg(long, value_name = "N", default_value_t = 600)]
    limit: u32,
    /// Show the output of parts that differ
    #[arg(long)]
    show: bool,
}

pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let options = Options::try_parse_from(&arguments).unwrap_or_else(|error| error.exit());
    let suite = SUITES
        .into_iter()
        .find(|suite| suite.name == options.suite)
        .ok_or_else(|| format!("no such suite: {}", SUITES.map(|suite| suite.name).join(", ")))?;
    if !User::we_are_root() {
        return Err("needs root: newroot is compared with a real chroot".into());
    }
    let guest = debian().ok_or("there is no Debian guest: cargo xtask setup makes it")?;
    let newroot = match &options.newroot {
        Some(program) => program.clone(),
        None => build()?,
    };
    let directory = options.directory.clone().unwrap_or_else(|| debian_root().with_file_name("suites"));
    let lab = Lab::new(&guest, directory, &newroot, options.limit)?;
    lab.prepare(suite)?;

    let version = lab.ask(suite, suite.version)?;
    let groups = lab.ask(suite, suite.groups)?;
    let groups: Vec<&str> = groups.split_whitespace().filter(|group| group.contains(&options.only)).collect();
    if groups.is_empty() {
        return Err("no part has such a name".into());
    }
    let mut all = Comparison::default();
    for (number, group) in groups.iter().enumerate() {
        let compared = compare(&lab, suite, group, options.show)?;
        eprintln!("{}/{} {group}: {}", number + 1, groups.len(), compared.summary());
        all.extend(compared);
    }
    if all.is_empty() {
        return Err("no part printed a case".into());
    }
    report(suite, version.trim(), &all)
}

/// Runs a part on both sides at once; where they differ, once more one side after the other.
fn compare(
    lab: &Lab,
    suite: &Suite,
    group: &str,
    show: bool,
) -> Result<Comparison, Box<dyn std::error::Error>> {
    // A text can be sent to another thread, unlike the error.
    let run = |side| lab.run(suite, side, group).map_err(|error| error.to_string());
    let (native, newroot) = thread::scope(|scope| {
        let native = scope.spawn(|| run(Side::Native));
        let newroot = run(Side::Newroot);
        (native.join().expect("it doesn't panic"), newroot)
    });
    let (native, newroot) = (native?, newroot?);
    let (first, second) = ((suite.read)(&native), (suite.read)(&newroot));
    // A part may test something that isn't built, and print no case on either side.
    if first == second {
        return Ok(Comparison::of_same(first));
    }
    if show {
        println!("== {group}, natively\n{native}\n== {group}, in newroot\n{newroot}");
    }
    let again = (suite.read)(&run(Side::Native)?);
    let after = (suite.read)(&run(Side::Newroot)?);
    Ok(Comparison::new([first, again], [second, after]))
}

/// Prints the row for the table in `docs/suites.md`, and the differences; fails if one isn't
/// explained.
fn report(suite: &Suite, version: &str, all: &Comparison) -> Outcome {
    for case in &all.unsteady {
        println!("unsteady: {case}");
    }
    let mut reasons: BTreeMap<&str, usize> = BTreeMap::new();
    let mut unexplained = 0;
    for difference in &all.differences {
        let known = suite.explained.iter().find(|(case, _)| difference.case.starts_with(case));
        match known {
            Some((_, reason)) => *reasons.entry(reason).or_default() += 1,
            None => unexplained += 1,
        }
        let reason = known.map_or("NOT EXPLAINED", |(_, reason)| reason);
        println!(
            "{}: natively {}, in newroot {}: {reason}",
            difference.case, difference.native, difference.newroot
        );
    }
    println!("| {} | {version} | {} |", suite.name, all.row());
    for (reason, count) in reasons {
        println!("{count} differ: {reason}");
    }
    if unexplained == 0 { Ok(()) } else { Err(format!("{unexplained} differences").into()) }
}
