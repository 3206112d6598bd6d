//! Runs every guest program without each of the calls that a kernel may lack or a policy may deny.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use crate::results::{Table, Verdict};
use crate::{Outcome, cargo};

/// Runs `tests/guests/lacking.rs` in full, for all calls or for the given ones (`statx`,
/// `statx=EPERM`), and prints the failures and a table.
pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let mut calls = Vec::new();
    for argument in arguments {
        let call = argument.into_string().map_err(|_| "calls have plain names")?;
        calls.push(if call.contains('=') { format!("{call}::") } else { format!("{call}=") });
    }
    if calls.is_empty() {
        calls.push("=".to_owned());
    }
    let mut table = Table::default();
    for call in &calls {
        if count(call, &mut table)? == 0 {
            return Err(format!("no test runs without '{}'", call.trim_end_matches(['=', ':'])).into());
        }
    }
    println!("\n{}", table.text("without"));
    match table.failed() {
        0 => Ok(()),
        failed => Err(format!("{failed} failed").into()),
    }
}

/// Runs the tests with `filter` in their names, and returns their number.
fn count(filter: &str, table: &mut Table) -> Result<usize, Box<dyn std::error::Error>> {
    let mut cargo = cargo();
    cargo.args([
        "test",
        "--release",
        "--package",
        "newroot",
        "--test",
        "guests",
        "--",
        "--color=never",
        filter,
    ]);
    let mut child = cargo.env("NEWROOT_LACKING_ALL", "1").stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().ok_or("no output")?;
    let mut verdicts = 0;
    for line in BufReader::new(output).lines() {
        let line = line?;
        let Some(verdict) = Verdict::of(&line) else {
            println!("{line}");
            continue;
        };
        // RULE::ENGINE::AREA::BEHAVIOUR
        let words: Vec<&str> = verdict.name.splitn(4, "::").collect();
        if let [rule, _, area, _] = words[..] {
            table.add(rule, area, verdict.passed);
            verdicts += 1;
        }
        if !verdict.passed {
            println!("{line}");
        }
    }
    child.wait()?;
    Ok(verdicts)
}
