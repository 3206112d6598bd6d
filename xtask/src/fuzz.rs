//! Builds and runs the fuzz targets: libFuzzer looks for bytes for which a property doesn't hold.
//!
//! cargo-fuzz would add a few compiler flags, which the installed compiler accepts as well. The
//! fuzzed code has no unsafe code, so a sanitizer, which needs another compiler, has nothing to
//! find.

use std::error::Error;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::thread;

use clap::Parser;

use crate::{Outcome, cargo, executables};

/// Flags for the coverage that libFuzzer needs: see the SanitizerCoverage chapter of Clang's
/// manual.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Largest number of files in a kept corpus.
const KEPT: usize = 40;

/// Look for bytes on which the decoders are wrong or panic
#[derive(Parser)]
#[command(name = "cargo xtask fuzz", no_binary_name = true)]
struct Options {
    /// Minutes for all targets together
    #[arg(long, value_name = "N", default_value_t = 5.0)]
    minutes: f64,
    /// Run only this target
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// Number of targets that run at the same time
    #[arg(long, value_name = "N", default_value_t = 2)]
    jobs: usize,
    /// Afterwards, add to fuzz/corpus the few found files that increase the coverage most
    #[arg(long)]
    keep: bool,
}

pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let options = Options::try_parse_from(&arguments).unwrap_or_else(|error| error.exit());
    let dirs = FuzzDirs::new()?;
    let mut targets = dirs.build(options.target.as_deref())?;
    targets.sort();
    let jobs = options.jobs.clamp(1, targets.len().max(1));
    let seconds = options.minutes * 60.0 * jobs as f64 / targets.len() as f64;
    println!("{} targets, {:.0} s each", targets.len(), seconds.ceil());

    let left = Mutex::new(targets.iter());
    let failed = Mutex::new(Vec::new());
    let next = || left.lock().ok()?.next();
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(program) = next() {
                    let target = Target { dirs: &dirs, program };
                    if let Err(error) = target.fuzz(seconds.ceil() as u64)
                        && let Ok(mut failed) = failed.lock()
                    {
                        println!("{}: {error}", target.name());
                        failed.push(target.name());
                    }
                }
            });
        }
    });
    if options.keep {
        for program in &targets {
            Target { dirs: &dirs, program }.keep()?;
        }
    }
    let failed = failed.into_inner()?;
    if failed.is_empty() { Ok(()) } else { Err(format!("{} went wrong", failed.join(", ")).into()) }
}

/// Directories of fuzzing.
struct FuzzDirs {
    /// The kept corpora.
    corpora: PathBuf,
    /// Built programs and found files.
    work: PathBuf,
}

impl FuzzDirs {
    fn new() -> Result<Self, Box<dyn Error>> {
        let tree = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask is in the tree")?;
        let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| tree.join("target"), PathBuf::from);
        Ok(Self { corpora: tree.join("fuzz/corpus"), work: target.join("fuzzing") })
    }

    /// Builds the programs of all targets, or of one.
    fn build(&self, only: Option<&str>) -> Result<Vec<PathBuf>, Box<dyn Error>> {
        let mut cargo = cargo();
        cargo.args(["build", "--package", "newroot-fuzz", "--features", "libfuzzer", "--profile", "fuzz"]);
        match only {
            Some(name) => cargo.args(["--bin", name]),
            None => cargo.arg("--bins"),
        };
        // Its own target directory: with other flags, cargo rebuilds everything.
        cargo.arg("--target-dir").arg(&self.work).env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
        executables(&mut cargo)
    }
}

/// One target.
struct Target<'a> {
    dirs: &'a FuzzDirs,
    program: &'a Path,
}

impl Target<'_> {
    fn name(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Returns the directory of the kept files.
    fn corpus(&self) -> PathBuf {
        self.dirs.corpora.join(self.name())
    }

    /// Returns the directory of all found files, of this run and earlier ones.
    fn found(&self) -> PathBuf {
        self.dirs.work.join("corpus").join(self.name())
    }

    /// Runs the target for this time and prints the number of runs.
    fn fuzz(&self, seconds: u64) -> Outcome {
        let name = self.name();
        let finds = self.dirs.work.join("finds");
        for directory in [&finds, &self.found()] {
            fs::create_dir_all(directory)?;
        }
        let log = finds.join(format!("{name}.log"));
        let mut prefix = finds.clone().into_os_string();
        prefix.push(format!("/{name}-"));
        let mut artifacts = OsString::from("-artifact_prefix=");
        artifacts.push(prefix);
        let mut fuzzer = Command::new(self.program);
        fuzzer.arg(format!("-max_total_time={seconds}")).arg(artifacts);
        fuzzer.args(["-print_final_stats=1", "-timeout=10", "-rss_limit_mb=1024"]);
        fuzzer.arg(self.found()).arg(self.corpus());
        let output = File::create(&log)?;
        let status = fuzzer.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output).status()?;
        let mut text = Vec::new();
        File::open(&log)?.read_to_end(&mut text)?;
        let text = String::from_utf8_lossy(&text);
        if !status.success() {
            let end: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
            return Err(format!(
                "{status}\n{}\nTry it again with: {} FILE",
                end.join("\n"),
                self.program.display()
            )
            .into());
        }
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name));
            line.map_or("?", |number| number.trim()).to_owned()
        };
        let runs = number("stat::number_of_executed_units:");
        println!("{name:<14} {runs:>12} runs {:>9}/s", number("stat::average_exec_per_sec:"));
        Ok(())
    }

    /// Adds to the corpus the found files that reach most of what the corpus doesn't reach yet.
    fn keep(&self) -> Outcome {
        let chosen = tempfile::tempdir()?;
        let mut merge = Command::new(self.program);
        // Compares branches, not how often each is taken: otherwise nearly every file adds
        // something.
        merge.args(["-set_cover_merge=1", "-use_counters=0"]).arg(chosen.path());
        merge.arg(self.corpus()).arg(self.found());
        let output = merge.stdin(Stdio::null()).output()?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into());
        }
        let mut files = Vec::new();
        for entry in fs::read_dir(chosen.path())? {
            let entry = entry?;
            files.push((entry.metadata()?.len(), entry.path()));
        }
        files.sort();
        let there = contents(&self.corpus())?;
        let space = KEPT.saturating_sub(there.len()).min(files.len());
        // Takes small and large files.
        for (_, file) in (0..space).map(|index| &files[index * files.len() / space]) {
            let bytes = fs::read(file)?;
            if !there.contains(&bytes) {
                fs::write(self.corpus().join(file.file_name().ok_or("it has a name")?), bytes)?;
            }
        }
        println!("{:<14} {} of {} files", self.name(), contents(&self.corpus())?.len(), files.len());
        Ok(())
    }
}

fn contents(directory: &Path) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
    fs::read_dir(directory)?.map(|entry| Ok(fs::read(entry?.path())?)).collect()
}
