//! The kernel as the oracle for random trees, bindings and operations on each engine, for as long
//! as you like.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use newroot_testkit::oracle::{Case, ENGINES, Hunt, Lab, again_on_a_tmpfs, generate};
use newroot_testkit::{Bed, Engine, User};

use crate::{Outcome, build};

/// Compare the engines with the kernel. Needs root, for chroot.
#[derive(Parser)]
#[command(name = "cargo xtask oracle", no_binary_name = true)]
struct Options {
    /// Minutes to run
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    minutes: f64,
    /// Try only this engine
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// First seed [default: the current time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Run only the seed's one case
    #[arg(long)]
    once: bool,
    /// Run only the case in this file
    #[arg(long, value_name = "FILE")]
    case: Option<PathBuf>,
    /// Print the case before it runs, and the kernel's results
    #[arg(long)]
    show: bool,
    /// Print how often each operation had each result
    #[arg(long)]
    results: bool,
    /// Operations in each case
    #[arg(long, value_name = "N", default_value_t = 400)]
    operations: usize,
    /// Number of cases that run at the same time
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
    /// The newroot to try [default: a release build of this tree]
    #[arg(long, value_name = "PROGRAM")]
    newroot: Option<PathBuf>,
}

pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let options = Options::try_parse_from(&arguments).unwrap_or_else(|error| error.exit());
    if !User::we_are_root() {
        return Err("needs root: newroot is compared with a real chroot".into());
    }
    let mut words = vec![OsString::from("oracle")];
    words.extend(arguments);
    if let Some(status) = again_on_a_tmpfs(&words) {
        return if status.success() { Ok(()) } else { Err(status.to_string().into()) };
    }
    let newroot = match &options.newroot {
        Some(program) => program.clone(),
        None => build()?,
    };
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    let cache = newroot.parent().ok_or("a program is in a directory")?.join("oracle");
    let bed = Bed::new(&newroot, &cache, &tests.join("guests"));
    let lab = Lab::new(&bed, &tests.join("oracle/interpreter.c"));
    let wanted = |engine: &Engine| options.engine.as_ref().is_none_or(|name| engine.name == name);
    let engines: Vec<Engine> = ENGINES.into_iter().filter(wanted).collect();
    if engines.is_empty() {
        return Err(format!("no such engine: {}", ENGINES.map(|engine| engine.name).join(", ")).into());
    }
    let seed = match options.seed {
        Some(seed) => seed,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() * 1_000_000,
    };
    if options.once || options.case.is_some() {
        let case = match &options.case {
            Some(file) => Case::parse(&fs::read_to_string(file)?),
            None => generate(seed, options.operations),
        };
        return one(&lab, &case, &engines, options.show);
    }

    println!("first seed: {seed}");
    let time = Duration::from_secs_f64(options.minutes * 60.0);
    let (operations, jobs) = (options.operations, options.jobs);
    let hunt = Hunt { seed, operations, cases: u64::MAX, time, jobs, engines };
    let report = hunt.run(&lab);
    if options.results {
        let mut results: Vec<_> = report.results.iter().collect();
        results.sort();
        results
            .iter()
            .for_each(|((operation, result), count)| println!("{operation:<12} {result:<14} {count:>8}"));
    }
    for find in &report.finds {
        println!("{find}");
    }
    for find in &report.unsteady {
        println!(
            "seen once, not reproduced: {} of seed {}\n{}",
            find.engine, find.seed, find.difference.text
        );
    }
    if !report.unfit.is_empty() {
        println!("didn't finish natively: seeds {:?}", report.unfit);
    }
    print!("{report}");
    if report.finds.is_empty() { Ok(()) } else { Err(differences(report.finds.len())) }
}

/// Runs one case on every engine.
fn one(lab: &Lab<'_>, case: &Case, engines: &[Engine], show: bool) -> Outcome {
    if show {
        print!("{}", case.text());
    }
    let mut count = 0;
    for &engine in engines {
        let case = &*case.for_engine(engine);
        let expected = lab.native(case, engine);
        if show {
            print!("natively, as for {}:\n{}", engine.name, expected.text());
        }
        if let Some(difference) = expected.compare(&lab.on_engine(case, engine), case) {
            println!("{}: {}\n{}", engine.name, difference.kind, difference.text);
            count += 1;
        }
    }
    if count == 0 { Ok(()) } else { Err(differences(count)) }
}

fn differences(count: usize) -> Box<dyn Error> {
    format!("{count} differences").into()
}
