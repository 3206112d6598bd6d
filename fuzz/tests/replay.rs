//! The corpora: selected inputs that libFuzzer has generated, and inputs that once failed.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use newroot_fuzz::{TARGETS, Target};

fn main() -> ExitCode {
    let mut trials: Vec<Trial> =
        TARGETS.iter().map(|&target| Trial::test(target.name, move || replay(target))).collect();
    trials.push(Trial::test("targets_and_corpora_match", targets_match_corpora));
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Runs a target on every file of its corpus.
fn replay(target: Target) -> Result<(), Failed> {
    let files = entries(&directory("corpus").join(target.name))?;
    if files.is_empty() {
        return Err("the corpus is empty".into());
    }
    for file in files {
        let bytes = fs::read(&file)?;
        catch_unwind(|| (target.check)(&bytes))
            .map_err(|_| format!("the target failed on '{}'", file.display()))?;
    }
    Ok(())
}

fn targets_match_corpora() -> Result<(), Failed> {
    let expected: Vec<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    for folder in ["corpus", "fuzz_targets"] {
        let mut names: Vec<String> = entries(&directory(folder))?
            .iter()
            .filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()))
            .collect();
        names.sort();
        if names != expected {
            return Err(format!("'{folder}' contains {names:?}, not {expected:?}").into());
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
