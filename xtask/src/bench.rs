//! Measures newroot beside its peers, chroot, bwrap and PRoot, in one run and on one root.
//!
//! Each round measures all of them in turn, so that a machine that becomes slower or faster does so
//! for all. The results are ratios to chroot, which costs what the kernel alone costs.

mod install;
mod instructions;
mod lab;
mod meter;
mod peer;
mod report;
mod statistics;
mod workload;

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use clap::Parser;
use newroot_testkit::{User, debian};

use crate::{Outcome, build, finish};
use lab::Lab;
use meter::Meter;
use peer::Peer;
use report::{Report, Unit};
use workload::{WORKLOADS, Workload};

/// Measure newroot against chroot, bwrap and PRoot. Needs root, for chroot.
#[derive(Parser)]
#[command(name = "cargo xtask bench", no_binary_name = true)]
struct Options {
    /// Number of rounds [default: 5, or 1 where instructions are counted]
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// The newroot to measure [default: a release build of this tree]
    #[arg(long, value_name = "PROGRAM")]
    newroot: Option<PathBuf>,
    /// The PRoot to measure [default: the one in PATH]
    #[arg(long, value_name = "PROGRAM")]
    proot: Option<PathBuf>,
    /// Measure only workloads with this text in their names
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
    /// Fail if a result exceeds one of the project's own limits
    #[arg(long)]
    check: bool,
    /// Measure only the installation of a hundred packages by an ordinary user
    #[arg(long)]
    install: bool,
    /// Count instructions in a machine that qemu emulates, instead of measuring time
    #[arg(long, conflicts_with_all = ["check", "install"])]
    instructions: bool,
    /// This process runs in that machine
    #[arg(long, hide = true)]
    counting: bool,
    /// This process has its private mount namespace
    #[arg(long, hide = true)]
    inside: bool,
}

pub(crate) fn run(arguments: Vec<OsString>) -> Outcome {
    let options = Options::try_parse_from(&arguments).unwrap_or_else(|error| error.exit());
    if !User::we_are_root() {
        return Err("needs root: newroot is compared with a real chroot".into());
    }
    if options.instructions {
        return instructions::run(&options);
    }
    if !options.inside {
        // Mounts in a namespace of their own end with its last process.
        let mut again = Command::new("unshare");
        again.args(["--mount", "--propagation", "private", "--"]).arg(std::env::current_exe()?);
        return finish(again.args(["bench", "--inside"]).args(arguments));
    }

    if options.install {
        return install(&options);
    }
    let root = debian().ok_or("there is no Debian guest: cargo xtask setup makes it")?;
    let newroot = options.program()?;
    let lab = Lab::new(root, &options.workloads())?;
    let peers = Peer::all(&lab, &newroot, options.proot.as_deref())?;
    if options.counting {
        instructions::calibrate(&lab, &peers[0])?;
    }
    eprintln!("a first round fills the caches");
    measure(&lab, &peers[0], 0, &options, &mut Report::new(&peers, options.meter()));
    let mut report = Report::new(&peers, options.meter());
    for round in 1..=options.rounds() {
        eprintln!("round {round} of {}", options.rounds());
        for turn in 0..peers.len() {
            // Each round begins with another peer.
            let index = (turn + round) % peers.len();
            measure(&lab, &peers[index], index, &options, &mut report);
        }
    }
    print!("{report}");
    if options.counting {
        return Ok(());
    }
    let exceeded = report.exceeded_limits();
    for limit in &exceeded {
        eprintln!("limit exceeded: {limit}");
    }
    if options.check && !exceeded.is_empty() { Err("limits are exceeded".into()) } else { Ok(()) }
}

impl Options {
    /// Returns the newroot to measure.
    fn program(&self) -> Result<PathBuf, Box<dyn Error>> {
        match &self.newroot {
            Some(program) => Ok(program.clone()),
            None => build(),
        }
    }

    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.instructions { 1 } else { 5 })
    }

    fn meter(&self) -> Meter {
        if self.counting { Meter::Instructions } else { Meter::Time }
    }

    /// Returns the chosen workloads.
    fn workloads(&self) -> Vec<&'static Workload> {
        WORKLOADS.iter().filter(|workload| workload.name.contains(&self.only)).collect()
    }
}

/// Runs `--install`.
fn install(options: &Options) -> Outcome {
    let proot = options.proot.clone().or_else(|| peer::in_path("proot"));
    let place = install::Installation::prepare(&options.program()?, proot.as_deref())?;
    let mut report = Report::of(install::PEERS.to_vec(), Meter::Time);
    for round in 1..=options.rounds() {
        eprintln!("round {round} of {}", options.rounds());
        place.measure(&mut report)?;
    }
    print!("{report}");
    Ok(())
}

/// Measures everything once for one peer. A measurement that fails is left out and reported on
/// standard error.
fn measure(lab: &Lab, peer: &Peer, index: usize, options: &Options, report: &mut Report) {
    let (meter, only) = (options.meter(), options.only.as_str());
    let mut wanted = |name: &str, unit: Unit, measured: Result<f64, Box<dyn Error>>| match measured {
        Ok(value) => report.add(name, unit, index, value),
        Err(error) => eprintln!("{}: {name}: {error}", peer.name),
    };
    for workload in options.workloads() {
        let unit = Unit::Seconds { path_heavy: workload.is_path_heavy };
        let run = |script| meter.take(peer.command(lab, &["/bin/sh", "-c", script]));
        let before = workload.before.map(run).transpose();
        let seconds = before.and_then(|_| run(workload.script)).and_then(|(time, printed)| {
            // Times are comparable only for the same work.
            lab.expect_same(workload.name, printed)?;
            Ok(time.as_secs_f64())
        });
        if options.counting {
            // Each workload takes minutes.
            eprintln!("{}: {}", peer.name, workload.name);
        }
        wanted(workload.name, unit, seconds);
    }
    if "calls".contains(only) {
        // A count of instructions needs no mean of many.
        let part = if options.counting { "4" } else { "1" };
        let script = format!("cd /scratch && ./calls {part}");
        match meter.take(peer.command(lab, &["/bin/sh", "-c", &script])) {
            Ok((_, printed)) => {
                for (name, nanoseconds) in workload::calls(&printed) {
                    wanted(name, Unit::Nanoseconds, Ok(nanoseconds));
                }
            }
            Err(error) => wanted("calls", Unit::Nanoseconds, Err(error)),
        }
    }
    if "start-up".contains(only) {
        wanted("start-up", Unit::Milliseconds, start_up(lab, peer, meter));
    }
    if "private memory".contains(only) && !options.counting {
        wanted("private memory", Unit::Kibibytes, lab.private_memory(peer));
    }
}

/// Returns the median time of several starts of a minimal program.
fn start_up(lab: &Lab, peer: &Peer, meter: Meter) -> Result<f64, Box<dyn Error>> {
    let mut times = Vec::new();
    for _ in 0..20 {
        times.push(meter.take(peer.command(lab, &["/bin/true"]))?.0.as_secs_f64() * 1e3);
    }
    Ok(statistics::Summary::of(&times).median)
}
