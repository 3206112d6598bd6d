//! The table, and the project's limits for it.

use std::fmt;

use super::meter::Meter;
use super::peer::{NAMESPACE, Peer};
use super::statistics::Summary;

/// Unit of a row's values. Where instructions are counted, a nanosecond stands for one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    /// Time of a whole workload.
    Seconds {
        /// Whether the workload mainly looks up paths.
        path_heavy: bool,
    },
    /// Time of one call.
    Nanoseconds,
    /// Time of a start.
    Milliseconds,
    /// Memory.
    Kibibytes,
}

/// Largest ratio of a workload's time to its time in a chroot.
const MOST_TIMES_CHROOT: f64 = 2.0;
/// Smallest ratio of PRoot's time to newroot's in path-heavy workloads.
const LEAST_PROOT_TIMES: f64 = 5.0;
/// Milliseconds by which a start may exceed the start of chroot.
const MOST_START_UP: f64 = 5.0;
/// Kibibytes of private memory by which a guest process may exceed a native one.
const MOST_PRIVATE_MEMORY: f64 = 128.0;

/// All measurements.
pub(super) struct Report {
    peers: Vec<&'static str>,
    meter: Meter,
    rows: Vec<Row>,
}

struct Row {
    name: String,
    unit: Unit,
    /// One list for each peer.
    samples: Vec<Vec<f64>>,
}

impl Row {
    fn summary(&self, peer: usize) -> Option<Summary> {
        let samples = &self.samples[peer];
        (!samples.is_empty()).then(|| Summary::of(samples))
    }
}

impl Report {
    pub(super) fn new(peers: &[Peer], meter: Meter) -> Self {
        Self::of(peers.iter().map(|peer| peer.name).collect(), meter)
    }

    pub(super) fn of(peers: Vec<&'static str>, meter: Meter) -> Self {
        Self { peers, meter, rows: Vec::new() }
    }

    /// Adds one measurement of one peer.
    pub(super) fn add(&mut self, name: &str, unit: Unit, peer: usize, value: f64) {
        let row = self.rows.iter().position(|row| row.name == name).unwrap_or_else(|| {
            self.rows.push(Row { name: name.to_owned(), unit, samples: vec![Vec::new(); self.peers.len()] });
            self.rows.len() - 1
        });
        self.rows[row].samples[peer].push(value);
    }

    /// Describes each limit that newroot exceeds.
    pub(super) fn exceeded_limits(&self) -> Vec<String> {
        let peer = |name| self.peers.iter().position(|peer| *peer == name);
        let mut exceeded = Vec::new();
        for row in &self.rows {
            let median = |name| Some(row.summary(peer(name)?)?.median);
            let (Some(chroot), Some(newroot)) = (median("chroot"), median("newroot")) else {
                exceeded.push(format!("{}: not measured", row.name));
                continue;
            };
            let mut limit = |is_kept: bool, what: String| {
                if !is_kept {
                    exceeded.push(format!("{}: {what}", row.name));
                }
            };
            match row.unit {
                Unit::Seconds { path_heavy } => {
                    let times = newroot / chroot;
                    limit(
                        times <= MOST_TIMES_CHROOT,
                        format!("{times:.2} × chroot, at most {MOST_TIMES_CHROOT}"),
                    );
                    if let (true, Some(proot)) = (path_heavy, median("PRoot")) {
                        let times = proot / newroot;
                        limit(
                            times >= LEAST_PROOT_TIMES,
                            format!("PRoot takes {times:.1} ×, at least {LEAST_PROOT_TIMES}"),
                        );
                    }
                }
                Unit::Milliseconds => {
                    let more = newroot - chroot;
                    limit(
                        more <= MOST_START_UP,
                        format!("{more:.1} ms above chroot, at most {MOST_START_UP}"),
                    );
                    if let (Some(namespace), Some(bwrap)) = (median(NAMESPACE), median("bwrap")) {
                        let is_kept = namespace <= bwrap;
                        limit(is_kept, format!("{NAMESPACE} takes {namespace:.1} ms, bwrap {bwrap:.1} ms"));
                    }
                }
                Unit::Kibibytes => {
                    let more = newroot - chroot;
                    limit(
                        more <= MOST_PRIVATE_MEMORY,
                        format!("{more:.0} KiB, at most {MOST_PRIVATE_MEMORY}"),
                    );
                }
                Unit::Nanoseconds => {}
            }
        }
        exceeded
    }
}

impl Report {
    /// Returns the mean of a peer's ratios to chroot over the workloads; `None` for fewer than two,
    /// whose mean says nothing more.
    fn geometric_mean(&self, peer: usize) -> Option<f64> {
        let workloads = self.rows.iter().filter(|row| matches!(row.unit, Unit::Seconds { .. }));
        let ratios: Vec<f64> = workloads
            .filter_map(|row| Some((row.summary(peer)?.median / row.summary(0)?.median).ln()))
            .collect();
        (ratios.len() > 1).then(|| (ratios.iter().sum::<f64>() / ratios.len() as f64).exp())
    }
}

impl fmt::Display for Report {
    /// Writes a Markdown table: chroot's own values, and the ratios of the others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "|")?;
        for heading in std::iter::once(&"").chain(&self.peers) {
            write!(f, " {heading} |")?;
        }
        writeln!(f, "\n|---|{}", "---:|".repeat(self.peers.len()))?;
        for row in &self.rows {
            write!(f, "| {} |", row.name)?;
            let baseline = row.summary(0);
            for peer in 0..self.peers.len() {
                match (row.summary(peer), baseline) {
                    (Some(own), Some(chroot)) => {
                        let value = if peer == 0 {
                            absolute(row.unit, self.meter, own.median)
                        } else {
                            relative(row.unit, self.meter, own.median, chroot.median)
                        };
                        write!(f, " {value}")?;
                        if let Some(spread) = own.spread {
                            write!(f, " ±{:.0}%", spread * 100.0)?;
                        }
                        write!(f, " |")?;
                    }
                    _ => write!(f, " – |")?,
                }
            }
            writeln!(f)?;
        }
        let means: Vec<_> = (1..self.peers.len()).map(|peer| self.geometric_mean(peer)).collect();
        if means.iter().any(Option::is_some) {
            write!(f, "| geometric mean of the workloads | |")?;
            for mean in means {
                match mean {
                    Some(mean) => write!(f, " {mean:.2} × |")?,
                    None => write!(f, " – |")?,
                }
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

fn absolute(unit: Unit, meter: Meter, value: f64) -> String {
    match (unit, meter) {
        (Unit::Seconds { .. }, Meter::Time) => format!("{value:.3} s"),
        (Unit::Seconds { .. }, Meter::Instructions) => format!("{:.0} M", value * 1e3),
        (Unit::Nanoseconds, Meter::Time) => format!("{value:.0} ns"),
        (Unit::Nanoseconds, Meter::Instructions) => format!("{value:.0}"),
        (Unit::Milliseconds, Meter::Time) => format!("{value:.2} ms"),
        (Unit::Milliseconds, Meter::Instructions) => format!("{value:.2} M"),
        (Unit::Kibibytes, _) => format!("{value:.0} KiB"),
    }
}

fn relative(unit: Unit, meter: Meter, value: f64, chroot: f64) -> String {
    match (unit, meter) {
        (Unit::Seconds { .. } | Unit::Nanoseconds, _) => format!("{:.2} ×", value / chroot),
        (Unit::Milliseconds, Meter::Time) => format!("{:+.2} ms", value - chroot),
        (Unit::Milliseconds, Meter::Instructions) => format!("{:+.2} M", value - chroot),
        (Unit::Kibibytes, _) => format!("{:+.0} KiB", value - chroot),
    }
}

#[cfg(test)]
mod tests {
    use super::{Meter, NAMESPACE, Report, Unit};

    fn report(rows: &[(&str, Unit, [f64; 3])]) -> Report {
        let mut report = Report::of(vec!["chroot", "newroot", "PRoot"], Meter::Time);
        for (name, unit, values) in rows {
            for (peer, value) in values.iter().enumerate() {
                report.add(name, *unit, peer, *value);
            }
        }
        report
    }

    #[test]
    fn times_are_shown_as_ratios_to_chroot() {
        let report = report(&[
            ("find", Unit::Seconds { path_heavy: true }, [0.5, 0.75, 5.0]),
            ("start-up", Unit::Milliseconds, [1.0, 2.5, 9.0]),
        ]);
        assert_eq!(
            report.to_string(),
            "|  | chroot | newroot | PRoot |\n|---|---:|---:|---:|\n\
             | find | 0.500 s | 1.50 × | 10.00 × |\n\
             | start-up | 1.00 ms | +1.50 ms | +8.00 ms |\n"
        );
        assert!(report.exceeded_limits().is_empty());
    }

    #[test]
    fn several_rounds_have_a_spread() {
        let mut report = Report::of(vec!["chroot", "newroot"], Meter::Time);
        for (peer, seconds) in [(0, 1.0), (0, 1.0), (1, 1.0), (1, 3.0)] {
            report.add("find", Unit::Seconds { path_heavy: true }, peer, seconds);
        }
        assert!(report.to_string().ends_with("| find | 1.000 s ±0% | 2.00 × ±50% |\n"));
    }

    #[test]
    fn instructions_are_labelled() {
        let mut report = Report::of(vec!["chroot", "newroot"], Meter::Instructions);
        for (peer, times) in [1.0, 1.5].into_iter().enumerate() {
            report.add("find", Unit::Seconds { path_heavy: true }, peer, times * 0.3124);
            report.add("stat", Unit::Nanoseconds, peer, times * 1042.0);
            report.add("start-up", Unit::Milliseconds, peer, times * 2.5);
        }
        assert_eq!(
            report.to_string(),
            "|  | chroot | newroot |\n|---|---:|---:|\n\
             | find | 312 M | 1.50 × |\n\
             | stat | 1042 | 1.50 × |\n\
             | start-up | 2.50 M | +1.25 M |\n"
        );
    }

    #[test]
    fn mean_of_ratios_is_geometric() {
        let report = report(&[
            ("find", Unit::Seconds { path_heavy: true }, [1.0, 2.0, 9.0]),
            ("tar", Unit::Seconds { path_heavy: true }, [2.0, 1.0, 8.0]),
            ("stat", Unit::Nanoseconds, [1.0, 100.0, 100.0]),
        ]);
        let last = report.to_string().lines().last().map(str::to_owned);
        assert_eq!(last.as_deref(), Some("| geometric mean of the workloads | | 1.00 × | 6.00 × |"));
    }

    #[test]
    fn every_limit_is_held_up_to_its_unit() {
        let report = report(&[
            ("slow", Unit::Seconds { path_heavy: false }, [1.0, 2.1, 2.1]),
            ("near PRoot", Unit::Seconds { path_heavy: true }, [1.0, 1.0, 4.0]),
            ("start-up", Unit::Milliseconds, [1.0, 6.5, 9.0]),
            ("private memory", Unit::Kibibytes, [20.0, 300.0, 20.0]),
            ("stat", Unit::Nanoseconds, [1.0, 100.0, 100.0]),
        ]);
        assert_eq!(
            report.exceeded_limits(),
            [
                "slow: 2.10 × chroot, at most 2",
                "near PRoot: PRoot takes 4.0 ×, at least 5",
                "start-up: 5.5 ms above chroot, at most 5",
                "private memory: 280 KiB, at most 128",
            ]
        );
    }

    #[test]
    fn namespace_engine_starts_no_slower_than_bwrap() {
        let mut report = Report::of(vec!["chroot", "newroot", NAMESPACE, "bwrap"], Meter::Time);
        for (peer, value) in [1.0, 2.0, 3.0, 2.5].into_iter().enumerate() {
            report.add("start-up", Unit::Milliseconds, peer, value);
        }
        assert_eq!(report.exceeded_limits(), ["start-up: newroot namespace takes 3.0 ms, bwrap 2.5 ms"]);
    }

    #[test]
    fn a_failure_of_newroot_is_no_success() {
        let mut report = Report::of(vec!["chroot", "newroot"], Meter::Time);
        report.add("git", Unit::Seconds { path_heavy: true }, 0, 1.0);
        assert_eq!(report.exceeded_limits(), ["git: not measured"]);
        assert!(report.to_string().contains("| git | 1.000 s | – |"));
    }
}
