//! The corpora: what was worth keeping of what libFuzzer has made, and what once went wrong.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use newroot_fuzz::{TARGETS, Target};

fn main() -> ExitCode {
    let mut trials: Vec<Trial> =
        TARGETS.iter().map(|&target| Trial::test(target.name, move || replay(target))).collect();
    trials.push(Trial::test("targets_and_corpora_belong_together", belong_together));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Every file of a corpus.
fn replay(target: Target) -> Result<(), Failed> {
    let files = entries(&directory("corpus").join(target.name))?;
    if files.is_empty() {
        return Err("the corpus is empty".into());
    }
    for file in files {
        let bytes = fs::read(&file)?;
        catch_unwind(|| (target.check)(&bytes)).map_err(|_| format!("it was '{}'", file.display()))?;
    }
    Ok(())
}

fn belong_together() -> Result<(), Failed> {
    let expected: Vec<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    for place in ["corpus", "fuzz_targets"] {
        let mut names: Vec<String> = entries(&directory(place))?
            .iter()
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect();
        names.sort();
        if names != expected {
            return Err(format!("in '{place}' are {names:?}, not {expected:?}").into());
        }
    }
    Ok(())
}

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn entries(directory: &Path) -> Result<Vec<PathBuf>, Failed> {
    let entries = fs::read_dir(directory)?;
    Ok(entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?)
}
