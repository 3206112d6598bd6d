//! Reports what this host allows.

use std::fmt::Write;

use newroot_engine::doctor::{self, Check, EngineReport, Feature, Outcome, Report, Verdict};

use crate::commands::print;
use crate::failure::Failure;

/// Prints the report. Returns 1 if no engine can run, else 0.
pub(super) fn run() -> Result<u8, Failure> {
    let report = doctor::probe();
    print(&format!("{}\n{}", host(), render(&report)))?;
    Ok(if report.any_runs() { 0 } else { 1 })
}

/// Describes this host, for the reader only: newroot concludes nothing from it.
fn host() -> String {
    let name = rustix::system::uname();
    let uid = rustix::process::geteuid();
    format!(
        "{} {} on {}, as user {}\n",
        name.sysname().to_string_lossy(),
        name.release().to_string_lossy(),
        name.machine().to_string_lossy(),
        uid.as_raw()
    )
}

fn render(report: &Report) -> String {
    let mut text = String::new();
    for check in &report.checks {
        text.push_str(&check_line(check));
    }
    text.push_str("\nEngines\n");
    let auto = report.auto();
    for engine in &report.engines {
        let chosen = auto.is_some_and(|auto| auto.name == engine.name);
        text.push_str(&engine_line(engine, chosen));
    }
    if !report.any_runs() {
        text.push_str("\nNo engine can run here.\n");
    } else if auto.is_none() {
        text.push_str(
            "\n'auto' means the first engine, which can't run here. Choose another one with --engine.\n",
        );
    }
    text
}

fn check_line(check: &Check) -> String {
    let (answer, detail) = match &check.outcome {
        Outcome::Works(detail) => ("yes", detail),
        Outcome::Fails(why) => ("no", why),
        Outcome::Absent(why) => ("-", why),
    };
    let mut line = format!("  {answer:<5}{:<23}{detail}", check.feature.name());
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

fn engine_line(engine: &EngineReport, chosen: bool) -> String {
    let verdict = match &engine.verdict {
        Verdict::Runs if chosen => "runs here; 'auto' takes it".to_owned(),
        Verdict::Runs => "runs here".to_owned(),
        Verdict::Lacks(groups) => format!("can't run here: needs {}", needs(groups)),
    };
    let mut line = String::new();
    // Writing to a string can't fail.
    let _ = writeln!(line, "  {:<12}{verdict}", engine.name);
    line
}

fn needs(groups: &[&[Feature]]) -> String {
    let alternatives = |group: &&[Feature]| {
        let names: Vec<&str> = group.iter().map(|feature| feature.name()).collect();
        names.join(" or ")
    };
    groups.iter().map(alternatives).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn report_says_what_works_and_which_engine_is_taken() {
        let report = Report {
            checks: vec![
                Check { feature: Feature::Openat2, outcome: Outcome::Works(String::new()) },
                Check { feature: Feature::Ptrace, outcome: Outcome::Fails("cannot trace: no".to_owned()) },
                Check { feature: Feature::HomeExec, outcome: Outcome::Absent("HOME is not set".to_owned()) },
            ],
            engines: vec![
                EngineReport { name: "trap", verdict: Verdict::Runs },
                EngineReport { name: "chroot", verdict: Verdict::Lacks(vec![&[Feature::Chroot]]) },
            ],
        };
        assert_eq!(
            render(&report),
            "  yes  openat2\n  \
             no   ptrace                 cannot trace: no\n  \
             -    exec from home         HOME is not set\n\
             \nEngines\n  \
             trap        runs here; 'auto' takes it\n  \
             chroot      can't run here: needs chroot\n"
        );
    }

    #[test]
    fn report_says_what_an_engine_lacks() {
        let report = Report {
            checks: Vec::new(),
            engines: vec![EngineReport {
                name: "trap",
                verdict: Verdict::Lacks(vec![
                    &[Feature::SeccompFilter],
                    &[Feature::MemfdExec, Feature::HomeExec],
                ]),
            }],
        };
        assert_eq!(
            render(&report),
            "\nEngines\n  \
             trap        can't run here: needs seccomp filter; exec from memory or exec from home\n\
             \nNo engine can run here.\n"
        );
    }
}
