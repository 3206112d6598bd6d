//! Real programs in a Debian guest: natively and under newroot they print what is expected.
//!
//! A case is a folder beside this file; the README here shows how to add one.

use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use newroot_testkit::{
    Bed, Ending, Outcome, SCRATCH, User, contained, debian, difference, own, run, run_within, skip, succeed,
};

use crate::work;

/// Search path for programs; the guest's `PATH` is the same.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Default time limit of a case. Most take a second natively.
const TIME: Duration = Duration::from_secs(60);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Returns a test for each case and each root it runs in.
pub(crate) fn trials() -> Vec<Trial> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/programs");
    let world = Arc::new(World::new());
    let mut trials = Vec::new();
    for case in Case::discover(&folder).expect("readable cases") {
        let case = Arc::new(case);
        trials.push(trial("programs", &world, &case, World::check_in_debian));
        if case.on_host.is_some() {
            trials.push(trial("programs_on_host", &world, &case, World::check_on_host));
        }
    }
    trials
}

fn trial(kind: &str, world: &Arc<World>, case: &Arc<Case>, check: fn(&World, &Case) -> Verdict) -> Trial {
    let name = format!("{kind}::{}", case.name);
    let (world, case) = (Arc::clone(world), Arc::clone(case));
    Trial::test(name.clone(), move || match check(&world, &case) {
        Verdict::Right => Ok(()),
        Verdict::Wrong(how) => Err(Failed::from(how)),
        Verdict::Impossible(reason) => {
            skip(&name, &reason);
            Ok(())
        }
    })
}

/// Result of a case.
enum Verdict {
    Right,
    Wrong(String),
    Impossible(String),
}

/// One folder of `tests/programs`.
struct Case {
    name: String,
    folder: PathBuf,
    /// Expected output of `run`.
    expected: String,
    time: Duration,
    /// Programs that the host needs, for a case that also runs in the host's own root.
    on_host: Option<Vec<String>>,
}

impl Case {
    fn discover(folder: &Path) -> Result<Vec<Self>> {
        let mut cases = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() && !path.ends_with(work::FOLDER) {
                cases.push(Self::read(path)?);
            }
        }
        cases.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(cases)
    }

    fn read(folder: PathBuf) -> Result<Self> {
        let name = folder.file_name().expect("a folder has a name").to_string_lossy().into_owned();
        let read = |file: &str| {
            let path = folder.join(file);
            fs::read_to_string(&path).map_err(|error| format!("'{}': {error}", path.display()))
        };
        let (script, expected) = (read("run")?, read("expected")?);
        let mut case = Self { name, folder, expected, time: TIME, on_host: None };
        for line in script.lines() {
            match line.trim_start_matches(['#', '/']).trim().split_once(": ") {
                Some(("timeout", seconds)) => case.time = Duration::from_secs(seconds.parse()?),
                Some(("on-host", needs)) => {
                    case.on_host = Some(needs.split_whitespace().map(str::to_owned).collect());
                }
                _ => {}
            }
        }
        Ok(case)
    }

    /// Compares a run with the expected output; else says how they differ.
    fn judge(&self, who: &str, outcome: &Outcome) -> Verdict {
        let difference = difference(&self.expected, &outcome.stdout());
        if outcome.ending == Ending::Exit(0) && difference.is_none() {
            return Verdict::Right;
        }
        let difference = difference.unwrap_or_else(|| "nothing else differs\n".to_owned());
        Verdict::Wrong(format!(
            "{who}: {}\n- expected  + seen\n{difference}standard error:\n{}",
            outcome.ending,
            outcome.stderr()
        ))
    }
}

/// Environment in which the cases run.
struct World {
    bed: Bed,
    user: User,
    debian: Option<PathBuf>,
    /// Whether a real chroot is available, as root or in a user namespace.
    has_oracle: bool,
}

impl World {
    fn new() -> Self {
        let bed = newroot_testkit::bed!();
        let probe = run(&mut bed.enter().mounts().command(Path::new("/bin/true")));
        let has_oracle = probe.ending == Ending::Exit(0);
        Self { bed, user: User::ordinary(), debian: debian(), has_oracle }
    }

    /// Runs the case in the kernel's own chroot first, which shows that the case is sound; then in
    /// newroot.
    fn check_in_debian(&self, case: &Case) -> Verdict {
        let Some(root) = &self.debian else {
            return Verdict::Impossible("there is no Debian guest: cargo xtask setup makes it".to_owned());
        };
        if self.has_oracle {
            let verdict = self.check(case, "the kernel's chroot", |scratch| self.natively(root, scratch));
            if !matches!(verdict, Verdict::Right) {
                return verdict;
            }
        }
        // With every call trapped, and with every call site patched as soon as it has trapped once.
        // In the host's own root call sites are patched at the default count.
        for option in ["--no-patch", "--patch-after=1"] {
            let verdict = self.check(case, &format!("newroot run {option}"), |scratch| {
                let mut command = self.newroot(scratch, "run");
                command.arg(option).arg(root).args(["--", "./run"]);
                command
            });
            if !matches!(verdict, Verdict::Right) {
                return verdict;
            }
        }
        Verdict::Right
    }

    /// Runs the case in the host's own root, with a directory bound to a path that doesn't exist.
    fn check_on_host(&self, case: &Case) -> Verdict {
        let needs = case.on_host.iter().flatten();
        let missing: Vec<&str> = needs.map(String::as_str).filter(|name| !host_has(name)).collect();
        if !missing.is_empty() {
            return Verdict::Impossible(format!("the host has no {}", missing.join(", ")));
        }
        self.check(case, "newroot proot -r /", |scratch| {
            let mut command = self.newroot(scratch, "proot");
            command.args(["-r", "/", "./run"]);
            command
        })
    }

    /// Runs the command that `make` returns for a fresh copy of the case's folder.
    fn check(&self, case: &Case, who: &str, make: impl FnOnce(&Path) -> Command) -> Verdict {
        let scratch = self.furnish(case);
        let mut command = contained(make(scratch.path()));
        command.env("PATH", PATH).env("HOME", SCRATCH).env("LC_ALL", "C.UTF-8");
        case.judge(who, &run_within(&mut command, case.time))
    }

    /// Makes a copy of the case's folder that belongs to the user, with a `tmp` in it.
    fn furnish(&self, case: &Case) -> tempfile::TempDir {
        let scratch = tempfile::Builder::new()
            .prefix(&format!("{}-", case.name))
            .tempdir_in(self.bed.scratch())
            .expect("a scratch directory");
        succeed(Command::new("cp").arg("-a").arg(case.folder.join(".")).arg(scratch.path()));
        succeed(Command::new("install").args(["-d", "-m", "1777"]).arg(scratch.path().join("tmp")));
        succeed(Command::new("chmod").arg("755").arg(scratch.path()));
        own(scratch.path(), self.user);
        scratch
    }

    fn natively(&self, root: &Path, scratch: &Path) -> Command {
        let inside = |guest: &str| root.join(guest.trim_start_matches('/'));
        let host = ["/proc", "/sys", "/dev"].map(|path| (PathBuf::from(path), path));
        let own = [(scratch.to_owned(), SCRATCH), (scratch.join("tmp"), "/tmp")];
        let world = host
            .iter()
            .chain(&own)
            .fold(self.bed.enter().mounts(), |world, (host, guest)| world.bind(host, &inside(guest)));
        world.root(root).cwd(Path::new(SCRATCH)).user(self.user).command(Path::new("./run"))
    }

    /// Returns newroot's command line up to the words in which the dialects differ.
    fn newroot(&self, scratch: &Path, dialect: &str) -> Command {
        let world = self.bed.enter().cwd(scratch).user(self.user);
        let mut command = world.command(&self.bed.program("newroot"));
        command.args([dialect, "-w", SCRATCH]);
        for (host, guest) in [(scratch.to_owned(), SCRATCH), (scratch.join("tmp"), "/tmp")] {
            let mut binding = OsString::from(host);
            binding.push(":");
            binding.push(guest);
            command.arg("-b").arg(binding);
        }
        command
    }
}

/// Whether the unprivileged user finds this program on the host.
fn host_has(program: &str) -> bool {
    PATH.split(':').any(|directory| Path::new(directory).join(program).exists())
}
