//! Random trees, bindings and operations, natively and on each engine; and the cases in
//! `tests/oracle/cases`, which once showed a difference.
//!
//! `cargo xtask oracle` runs random cases for as long as you like.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};
use newroot_testkit::oracle::{Case, ENGINES, Hunt, Lab, again_on_a_tmpfs};
use newroot_testkit::{Bed, Engine, Skipped, User, skip};

/// Longest time for one engine.
const TIME: Duration = Duration::from_secs(10);
/// Number of random cases. They are the same each time, so that only the change under test decides.
const CASES: u64 = 100;
/// Operations in each case.
const OPERATIONS: usize = 400;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    let arguments = Arguments::from_args();
    if User::we_are_root()
        && !arguments.list
        && let Some(status) = again_on_a_tmpfs(&words)
    {
        return if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests");
    let bed = Arc::new(newroot_testkit::bed!());
    let mut cases: Vec<_> = fs::read_dir(tests.join("oracle/cases"))
        .expect("the cases")
        .map(|entry| entry.expect("a case").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "case"))
        .collect();
    cases.sort();
    let mut trials = Vec::new();
    for engine in ENGINES {
        let interpreter = tests.join("oracle/interpreter.c");
        for path in &cases {
            let name = path.file_stem().expect("a case has a name").to_string_lossy().into_owned();
            let (path, interpreter) = (path.clone(), interpreter.clone());
            trials.push(trial(format!("{}::case::{name}", engine.name), &bed, move |bed| {
                let case = Case::parse(&fs::read_to_string(&path).expect("a case"));
                agree(&Lab::new(bed, &interpreter), &case, engine)
            }));
        }
        trials.push(trial(format!("{}::random", engine.name), &bed, move |bed| {
            let hunt = Hunt {
                seed: 1,
                operations: OPERATIONS,
                cases: CASES,
                time: TIME,
                jobs: 1,
                engines: vec![engine],
            };
            let report = hunt.run(&Lab::new(bed, &interpreter));
            for find in &report.unsteady {
                println!(
                    "{} of seed {} differed once and was not reproduced:\n{}",
                    find.engine, find.seed, find.difference.text
                );
            }
            match &report.finds[..] {
                [] => Ok(()),
                finds => Err(finds.iter().map(|find| format!("{find}\n")).collect::<String>().into()),
            }
        }));
    }
    let conclusion = libtest_mimic::run(&arguments, trials);
    if let Some(line) = Skipped::here().line() {
        println!("{line}");
    }
    conclusion.exit_code()
}

fn trial(
    name: String,
    bed: &Arc<Bed>,
    check: impl FnOnce(&Bed) -> Result<(), Failed> + Send + 'static,
) -> Trial {
    let bed = Arc::clone(bed);
    Trial::test(name.clone(), move || {
        if User::we_are_root() {
            return check(&bed);
        }
        skip(&name, "only root can mount and chroot");
        Ok(())
    })
}

/// Checks that the engine gives the kernel's results, in all operations of the case. A recorded
/// case is small: a difference that never shows again comes from the kernel.
fn agree(lab: &Lab<'_>, case: &Case, engine: Engine) -> Result<(), Failed> {
    let case = &*case.for_engine(engine);
    let expected = lab.native(case, engine);
    if !expected.is_complete() {
        return Err(format!("natively it isn't carried out:\n{}", expected.text()).into());
    }
    match expected.compare(&lab.on_engine(case, engine), case) {
        None => Ok(()),
        Some(once) if lab.shown_again(&once, case, engine) == 0 => {
            println!("{} differed once, and not again:\n{}", engine.name, once.text);
            Ok(())
        }
        Some(difference) => Err(difference.text.into()),
    }
}
