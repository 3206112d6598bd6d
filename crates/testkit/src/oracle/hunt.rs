//! Runs the cases of one seed after another until the time is up.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::case::Case;
use super::generate::generate;
use super::lab::{AGAIN, Difference, Findings, Lab};
use super::shrink::shrink;
use crate::engine::Engine;

/// Settings of a hunt.
#[derive(Clone, Debug)]
pub struct Hunt {
    /// First seed. The others follow it.
    pub seed: u64,
    /// Number of operations in each case.
    pub operations: usize,
    /// Limit of cases.
    pub cases: u64,
    /// Time after which no further case begins.
    pub time: Duration,
    /// Number of cases that run at the same time.
    pub jobs: usize,
    /// The engines under test.
    pub engines: Vec<Engine>,
}

/// A difference, and a case that shows it.
#[derive(Clone, Debug)]
pub struct Find {
    /// Name of the engine.
    pub engine: &'static str,
    /// Seed of the original case.
    pub seed: u64,
    /// The case, made as small as possible.
    pub case: Case,
    /// The difference.
    pub difference: Difference,
}

/// Result of a hunt.
#[derive(Debug, Default)]
pub struct Report {
    /// For each engine: number of operations, differences and time.
    engines: HashMap<&'static str, Account>,
    /// One find for each engine and kind of difference.
    pub finds: Vec<Find>,
    /// Number of times that each operation had each result natively.
    pub results: HashMap<(String, String), usize>,
    /// Seeds whose case didn't finish natively.
    pub unfit: Vec<u64>,
    /// Differences that didn't show in every repetition.
    pub unsteady: Vec<Find>,
}

#[derive(Debug, Default)]
struct Account {
    operations: u64,
    time: Duration,
    differing_cases: u64,
    /// Operations since the last difference.
    clean: u64,
    longest_clean: u64,
}

impl Hunt {
    /// Runs cases until the time is up.
    ///
    /// # Panics
    /// If a case can't be run.
    #[must_use]
    pub fn run(&self, lab: &Lab<'_>) -> Report {
        let (next, end) = (AtomicU64::new(self.seed), Instant::now() + self.time);
        let report = Mutex::new(Report::default());
        thread::scope(|scope| {
            for _ in 0..self.jobs.max(1) {
                scope.spawn(|| {
                    while Instant::now() < end {
                        let seed = next.fetch_add(1, Ordering::Relaxed);
                        if seed.wrapping_sub(self.seed) >= self.cases {
                            break;
                        }
                        self.try_one(lab, seed, &report);
                    }
                });
            }
        });
        report.into_inner().expect("no worker panicked")
    }

    fn try_one(&self, lab: &Lab<'_>, seed: u64, report: &Mutex<Report>) {
        let case = generate(seed, self.operations);
        let mut known: Option<(bool, Findings)> = None;
        for &engine in &self.engines {
            let case = &*case.for_engine(engine);
            // Engines are sorted so that the native result for one user serves several of them.
            let expected = match known.take().filter(|(as_root, _)| *as_root == engine.fake_root) {
                Some((_, expected)) => expected,
                None => {
                    let expected = lab.native(case, engine);
                    let mut report = report.lock().expect("no worker panicked");
                    expected.count_results(case, &mut report.results);
                    if !expected.is_complete() {
                        report.unfit.push(seed);
                    }
                    expected
                }
            };
            if !expected.is_complete() {
                known = Some((engine.fake_root, expected));
                continue;
            }
            let start = Instant::now();
            let seen = lab.on_engine(case, engine);
            let time = start.elapsed();
            let once = expected.compare(&seen, case);
            let difference = once.clone().filter(|once| lab.shown_again(once, case, engine) == AGAIN);
            if let (Some(once), None) = (once, &difference) {
                let find = Find { engine: engine.name, seed, case: case.clone(), difference: once };
                report.lock().expect("no worker panicked").unsteady.push(find);
            }
            known = Some((engine.fake_root, expected));
            let index = {
                let mut report = report.lock().expect("no worker panicked");
                let account = report.engines.entry(engine.name).or_default();
                account.add(self.operations as u64, time, difference.is_some());
                match difference {
                    Some(difference) if report.is_new(engine.name, &difference.kind) => {
                        // Known from now on, so that no other thread shrinks a case for it.
                        report.finds.push(Find { engine: engine.name, seed, case: case.clone(), difference });
                        report.finds.len() - 1
                    }
                    _ => continue,
                }
            };
            let kind = report.lock().expect("no worker panicked").finds[index].difference.kind.clone();
            if let Some((case, difference)) = least(lab, case, engine, &kind) {
                let mut report = report.lock().expect("no worker panicked");
                let find = &mut report.finds[index];
                (find.case, find.difference) = (case, difference);
                eprintln!("{find}");
            }
        }
    }
}

/// Finds the smallest case with this kind of difference.
fn least(lab: &Lab<'_>, case: &Case, engine: Engine, kind: &str) -> Option<(Case, Difference)> {
    let shown = |case: &Case| {
        let expected = lab.native(case, engine);
        let complete = expected.is_complete();
        let difference = expected.compare(&lab.on_engine(case, engine), case);
        difference.filter(|difference| complete && difference.kind == kind)
    };
    let small = shrink(case, |case| shown(case).is_some());
    shown(&small).map(|difference| (small, difference))
}

impl Account {
    fn add(&mut self, operations: u64, time: Duration, differs: bool) {
        self.operations += operations;
        self.time += time;
        self.clean = if differs { 0 } else { self.clean + operations };
        self.differing_cases += u64::from(differs);
        self.longest_clean = self.longest_clean.max(self.clean);
    }
}

impl Report {
    fn is_new(&self, engine: &str, kind: &str) -> bool {
        !self.finds.iter().any(|find| find.engine == engine && find.difference.kind == kind)
    }
}

impl fmt::Display for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {} of seed {}: {}", self.engine, self.seed, self.difference.kind)?;
        for line in self.difference.text.lines() {
            writeln!(f, "# {line}")?;
        }
        write!(f, "{}", self.case.text())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut names: Vec<_> = self.engines.keys().copied().collect();
        names.sort_unstable();
        writeln!(
            f,
            "{:<22} {:>11} {:>8} {:>10} {:>13}",
            "engine", "operations", "per s", "differing", "longest clean"
        )?;
        for name in names {
            let account = &self.engines[name];
            let rate = account.operations as f64 / account.time.as_secs_f64().max(1e-9);
            writeln!(
                f,
                "{name:<22} {:>11} {rate:>8.0} {:>10} {:>13}",
                account.operations, account.differing_cases, account.longest_clean
            )?;
        }
        Ok(())
    }
}
