//! Instructions instead of times: the same measurements in an emulated machine that counts
//! instructions. The counts don't depend on the load of this machine.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use newroot_testkit::{debian, debian_recipe};

use super::lab::Lab;
use super::meter::Meter;
use super::peer::{Peer, in_path};
use super::{Options, lab};
use crate::Outcome;
use crate::machine::disk::{self, Disk};
use crate::machine::{Machine, Processor, packages};

/// The newest available kernel.
const KERNEL: &str = "6.12";

/// Programs of this machine that a [`Lab`] needs and that busybox can't replace.
const PROGRAMS: [&str; 3] = ["/usr/bin/mount", "/usr/bin/unshare", "/usr/sbin/chroot"];

/// Sizes of the disks: the machine's own disk, and the guest's.
const SIZES: [&str; 2] = ["1G", "8G"];

/// Lines that the machine prints before the table, and after everything.
const TABLE: &str = "newroot-bench: table";
const ENDED: &str = "newroot-bench: ended ";

/// Time limit of the machine.
const TIME: Duration = Duration::from_secs(4 * 60 * 60);

/// Millions of instructions that check whether the clock counts them, and the largest accepted
/// error.
const MILLIONS: u32 = 2000;
const MOST_OFF: f64 = 0.01;

/// Boots the machine, which measures, and prints its table.
pub(super) fn run(options: &Options) -> Outcome {
    let root = debian().ok_or("there is no Debian guest: cargo xtask setup makes it")?;
    let newroot = options.program()?.canonicalize()?;
    let proot = options
        .proot
        .clone()
        .or_else(|| in_path("proot"))
        .map(|program| program.canonicalize())
        .transpose()?;
    let cache = packages::cache()?;
    let qemu = packages::qemu(&cache)?;
    let kernel = packages::kernel(&cache, KERNEL)?;

    let scratch = packages::scratch(&cache)?;
    let [own, guest] = ["own", "guest"].map(|name| scratch.path().join(name));
    machine_disk(&own, options, &root, &newroot, proot.as_deref())?;
    // Written from the original: a copy would take two more gigabytes.
    disk::write(&guest, SIZES[1], &root)?;

    let log = cache.join("instructions.log");
    let machine = Machine {
        qemu: &qemu,
        kernel: &kernel,
        processor: Processor::Counting,
        disks: &[&own, &guest],
        log: &log,
        settings: &[],
    };
    let start = Instant::now();
    let mut said = Said::default();
    let ended = machine.run(scratch.path(), TIME, |line| said.take(line.trim_end()));
    eprintln!("{} s; its output is in '{}'", start.elapsed().as_secs(), log.display());
    ended?;
    match said.ended.as_deref() {
        Some("0") => Ok(()),
        Some(status) => Err(format!("in the machine: exit status {status}").into()),
        None => Err("the machine didn't finish".into()),
    }
}

/// Makes the disk with this program and its needs.
fn machine_disk(
    image: &Path,
    options: &Options,
    root: &Path,
    newroot: &Path,
    proot: Option<&Path>,
) -> Outcome {
    let mut programs = PROGRAMS.map(PathBuf::from).to_vec();
    programs.extend(in_path("bwrap"));
    programs.extend(proot.map(Path::to_owned));
    let disk = Disk::new(image, &programs)?;
    let this = std::env::current_exe()?;
    let recipe = debian_recipe(root);
    for file in [&this, newroot, &recipe] {
        disk.take(file)?;
    }
    for source in lab::SOURCES.map(lab::source) {
        disk.take(&source)?;
    }
    let mut bench = format!(
        "{} bench --counting --rounds {} --newroot {} --only {}",
        quoted(&this.to_string_lossy()),
        options.rounds(),
        quoted(&newroot.to_string_lossy()),
        quoted(&options.only),
    );
    if let Some(proot) = proot {
        bench += &format!(" --proot {}", quoted(&proot.to_string_lossy()));
    }
    let root = quoted(&root.to_string_lossy());
    let job = format!(
        "mkdir /run/tmp
         mount -t tmpfs tmpfs /run/tmp
         cp -a /tmp/. /run/tmp
         mount --move /run/tmp /tmp
         mkdir -p {root}
         mount -t ext4 -o noatime,noinit_itable /dev/vdb {root}
         export NEWROOT_TEST_GUEST={root}
         {bench} > /run/table
         status=$?
         echo '{TABLE}'
         cat /run/table
         echo '{ENDED}'$status
         "
    );
    disk.write(SIZES[0], &job)
}

/// Quotes a word for the shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// State of reading the machine's output.
#[derive(Default)]
struct Said {
    is_table: bool,
    ended: Option<String>,
}

impl Said {
    /// Forwards a line: the table to standard output, the rest to standard error.
    fn take(&mut self, line: &str) {
        if line == TABLE {
            self.is_table = true;
        } else if let Some(status) = line.strip_prefix(ENDED) {
            self.is_table = false;
            self.ended = Some(status.to_owned());
        } else if self.is_table {
            println!("{line}");
        } else {
            eprintln!("{line}");
        }
    }
}

/// Runs a known number of instructions and compares it with the program's own clock and ours.
pub(super) fn calibrate(lab: &Lab, chroot: &Peer) -> Result<(), Box<dyn Error>> {
    let script = "cd /scratch && gcc -O2 -static loop.c -o loop";
    Meter::Instructions.take(chroot.command(lab, &["/bin/sh", "-c", script]))?;
    let command = chroot.command(lab, &["/scratch/loop", &MILLIONS.to_string()]);
    let (busy, printed) = Meter::Instructions.take(command)?;
    let own: f64 = String::from_utf8(printed)?.trim().parse()?;
    for (clock, counted) in [("the monotonic clock", own), ("/proc/schedstat", busy.as_nanos() as f64)] {
        let off = counted / (f64::from(MILLIONS) * 1e6) - 1.0;
        eprintln!("{MILLIONS} M instructions are {:.1} M by {clock}", counted / 1e6);
        if off.abs() > MOST_OFF {
            return Err(
                format!("{clock} is off by {:.1} %: it doesn't count instructions", off * 100.0).into()
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn quotes_stay_within_their_word() {
        assert_eq!(quoted("git's status"), r"'git'\''s status'");
    }
}
