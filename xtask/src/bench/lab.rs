//! The root with its mounts, and the directory with the workloads' files.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use newroot_testkit::{SCRATCH, User};
use tempfile::TempDir;

use super::peer::{Peer, SHARED};
use super::workload::{PGBENCH, Workload};
use crate::{Outcome, finish};

/// The place of all measurements.
pub(super) struct Lab {
    pub(super) root: PathBuf,
    pub(super) user: User,
    top: TempDir,
    scratch: PathBuf,
    /// Output of the first run of each workload.
    printed: RefCell<BTreeMap<&'static str, Vec<u8>>>,
}

impl Lab {
    /// Mounts what chroot needs into the root; the caller must be in a private mount namespace.
    /// Files that only other workloads need aren't made.
    pub(super) fn new(root: PathBuf, workloads: &[&Workload]) -> Result<Self, Box<dyn Error>> {
        let top = tempfile::Builder::new().prefix("newroot-bench-").tempdir()?;
        let scratch = top.path().join("scratch");
        fs::create_dir(&scratch)?;
        fs::set_permissions(top.path(), fs::Permissions::from_mode(0o755))?;
        let lab = Self { root, user: User::ordinary(), top, scratch, printed: RefCell::default() };
        for shared in SHARED {
            lab.mount(Path::new(shared), shared)?;
        }
        // In memory: the time of a disk varies with its other users by more than the measured
        // difference. The directory is mounted only now, so that it isn't seen in the root's /tmp
        // as well, and can be unmounted.
        let mut mount = Command::new("mount");
        finish(mount.args(["-t", "tmpfs", "-o", "mode=755", "scratch"]).arg(&lab.scratch))?;
        lab.mount(&lab.scratch, SCRATCH)?;
        lab.furnish(workloads)?;
        Ok(lab)
    }

    pub(super) fn scratch(&self) -> &Path {
        &self.scratch
    }

    /// Copies a program to where the unprivileged user can reach it.
    pub(super) fn adopt(&self, program: &Path) -> Result<PathBuf, Box<dyn Error>> {
        let copy = self.top.path().join(program.file_name().ok_or("a program has a name")?);
        fs::copy(program, &copy).map_err(|error| format!("cannot copy '{}': {error}", program.display()))?;
        Ok(copy)
    }

    /// Checks that a workload printed the same as in its first run.
    pub(super) fn expect_same(&self, workload: &'static str, printed: Vec<u8>) -> Outcome {
        let mut all = self.printed.borrow_mut();
        let first = all.entry(workload).or_insert_with(|| printed.clone());
        if *first == printed {
            return Ok(());
        }
        let [printed, first] =
            [&printed, &*first].map(|text| String::from_utf8_lossy(text).trim().to_owned());
        Err(format!("printed '{printed}' where others printed '{first}'").into())
    }

    /// Returns the private memory in KiB of a static program that sleeps and isn't the session's
    /// only process: memory that all processes of a session share counts for none of them.
    pub(super) fn private_memory(&self, peer: &Peer) -> Result<f64, Box<dyn Error>> {
        let mut command = peer.command(self, &["/bin/sh", "-c", "/scratch/calls-static sleep & wait"]);
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        // The program prints its own number: not every peer becomes the command that it runs.
        let read = BufReader::new(child.stdout.take().expect("it is piped")).read_line(&mut line);
        let pid = line.trim();
        let memory = read.map_err(Into::into).and_then(|_| private_kibibytes(Path::new("/proc").join(pid)));
        let killed = finish(Command::new("kill").args(["-KILL", pid]));
        // When the program ends, the shell ends, and so does the peer that runs the shell. The peer
        // is killed only if that failed: a killed tracer leaves the program behind.
        if killed.is_err() {
            let _ = child.kill();
        }
        child.wait()?;
        killed?;
        memory
    }

    fn mount(&self, host: &Path, guest: &str) -> Outcome {
        let place = self.root.join(guest.trim_start_matches('/'));
        finish(Command::new("mount").arg("--rbind").args([host, &place]))
    }

    /// Makes a small project, a repository of a thousand files, and the programs that time calls
    /// and instructions.
    fn furnish(&self, workloads: &[&Workload]) -> Outcome {
        for path in SOURCES.map(source) {
            finish(Command::new("cp").arg("-r").arg(path).arg(&self.scratch))?;
        }
        let owner = format!("{}:{}", self.user.uid, self.user.gid);
        finish(Command::new("chown").args(["-R", &owner]).arg(&self.scratch))?;
        let wants_database = workloads.iter().any(|workload| workload.name == PGBENCH);
        for script in [FURNISH].into_iter().chain(wants_database.then_some(FURNISH_DATABASE)) {
            finish(
                Command::new("chroot")
                    .arg(format!("--userspec={owner}"))
                    .arg(&self.root)
                    .args(["/bin/sh", "-euc", script, "sh"])
                    .env("HOME", SCRATCH),
            )?;
        }
        Ok(())
    }
}

/// Sources of workloads in this repository.
pub(super) const SOURCES: [&str; 3] =
    ["tests/programs/make_parallel/calculator", "benches/calls.c", "benches/loop.c"];

/// Returns the path of one of these sources.
pub(super) fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(path)
}

/// Script for a real chroot, run by the root's own programs.
const FURNISH: &str = "
cd /scratch
touch mark
gcc -O2 calls.c -o calls
gcc -O2 -static calls.c -o calls-static
mv calculator project
make -s -C project
mkdir modules
for m in asyncio email http json unittest xml; do cp -r /usr/lib/python3.*/$m modules; done
tar cf modules.tar modules
for i in $(seq 1000); do
    echo \"insert into t values ($i, 'row $i');\"
done | sed '1i pragma synchronous = off; create table t (id integer primary key, name text);' > inserts.sql
mkdir app
for i in $(seq 20); do
    mkdir -p packages/p$i
    echo \"{\\\"name\\\": \\\"p$i\\\", \\\"version\\\": \\\"1.0.0\\\"}\" > packages/p$i/package.json
    echo \"module.exports = $i\" > packages/p$i/index.js
done
{
    echo '{\"name\": \"app\", \"version\": \"1.0.0\", \"dependencies\": {'
    for i in $(seq 20); do echo \"\\\"p$i\\\": \\\"file:../packages/p$i\\\"\"; done | paste -sd,
    echo '}}'
} > app/package.json
cat > checks.pl <<'END'
my $found = 0;
for my $n (1 .. 500) {
    for my $place ('/usr/local/include', '/usr/include', '/usr/lib') { $found++ if -e \"$place/header$n.h\" }
    for my $place (split /:/, $ENV{PATH}) { $found++ if -x \"$place/tool$n\" }
    open my $out, '>', 'conftest.c' or die;
    print $out \"int main(void) { return $n; }\\n\";
    close $out;
    $found++ if -s 'conftest.c';
    $found++ if $n % 10 == 0 && system('true') == 0;
    unlink 'conftest.c';
}
print \"$found\\n\";
END
mkdir repository
cd repository
git init -q
for d in 0 1 2 3 4 5 6 7 8 9; do
    mkdir $d
    for f in $(seq 100); do echo $d $f > $d/$f; done
done
git add .
git -c user.name=bench -c user.email=bench@example.org commit -q -m all
";

/// Script that makes the database of [`PGBENCH`].
const FURNISH_DATABASE: &str = "
cd /scratch
$(echo /usr/lib/postgresql/*/bin)/initdb -D cluster --no-sync -A trust > /dev/null
PATH=$(echo /usr/lib/postgresql/*/bin):$PATH
pg_ctl -D cluster -s -w -o '-k /scratch -h \"\"' -l log start
pgbench -h /scratch -q -i -s 1 postgres 2> /dev/null
pg_ctl -D cluster -s -w stop
";

impl Drop for Lab {
    /// A mount point can't be removed.
    fn drop(&mut self) {
        let _ =
            Command::new("umount").args(["--lazy", "--"]).arg(&self.scratch).stderr(Stdio::null()).status();
    }
}

fn private_kibibytes(process: PathBuf) -> Result<f64, Box<dyn Error>> {
    let text = fs::read_to_string(process.join("smaps_rollup"))?;
    let field = |name: &str| -> Option<f64> {
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim().strip_suffix("kB")?.trim().parse().ok()
    };
    match (field("Private_Dirty:"), field("Private_Clean:")) {
        (Some(dirty), Some(clean)) => Ok(dirty + clean),
        _ => Err("smaps_rollup shows no private memory".into()),
    }
}
