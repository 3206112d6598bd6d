//! The ways to measure work.

use std::error::Error;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

/// A clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meter {
    /// Real time.
    Time,
    /// Instructions of the processor, including the kernel's, in a machine whose clock advances by
    /// a nanosecond with each. A nanosecond stands for one instruction; idle time counts as none.
    Instructions,
}

impl Meter {
    /// Runs a command that must succeed. Returns its duration and its output.
    pub(super) fn take(self, mut command: Command) -> Result<(Duration, Vec<u8>), Box<dyn Error>> {
        let (time, output) = match self {
            Self::Time => {
                let start = Instant::now();
                let output = command.output()?;
                (start.elapsed(), output)
            }
            Self::Instructions => {
                let start = busy()?;
                let output = command.output()?;
                (busy()? - start, output)
            }
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(format!("{}: {}", output.status, said.trim()).into());
        }
        Ok((time, output.stdout))
    }
}

/// Returns how long the processors had a process to run, of any user. A wait for the disk is left
/// out, because the machine around decides its length.
fn busy() -> Result<Duration, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/schedstat")?;
    Ok(Duration::from_nanos(busy_nanoseconds(&text).ok_or("/proc/schedstat lists no processor")?))
}

/// Sums the seventh number of each processor's line (Documentation/scheduler/sched-stats.rst).
fn busy_nanoseconds(text: &str) -> Option<u64> {
    let processors = text.lines().filter(|line| line.starts_with("cpu"));
    processors
        .map(|line| line.split_whitespace().nth(7)?.parse::<u64>().ok())
        .sum::<Option<u64>>()
        .filter(|&sum| sum > 0)
}

#[cfg(test)]
mod tests {
    use super::busy_nanoseconds;

    #[test]
    fn time_of_all_processors_is_counted() {
        let text = "version 16\ntimestamp 4294892296\ncpu0 0 0 0 0 0 0 1311164991 2987536249 1119\n\
                    domain0 3 0 0 0 0 0\ncpu1 0 0 0 0 0 0 9 2 1\n";
        assert_eq!(busy_nanoseconds(text), Some(1311165000));
        assert_eq!(busy_nanoseconds("version 16\n"), None);
    }
}
