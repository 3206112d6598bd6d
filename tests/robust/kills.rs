//! Kills at random moments: only completed changes are left, and each of them is whole.
//!
//! A command is started, and killed with all its processes at a random moment, during its start or
//! later. Then no process and no mount is left, and the remaining root is usable.
//! `NEWROOT_RACE_SECONDS` makes the tests run longer.

use std::fs;
use std::io::Read as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use newroot_testkit::{Bed, Ending, Outcome, User, links_left, own, run};
use rustix::process::{Pid, Signal, kill_process_group};

/// Duration of each test.
const SECONDS: f64 = 1.5;

fn seconds() -> f64 {
    let asked = std::env::var("NEWROOT_RACE_SECONDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(SECONDS)
}

/// Generator of random moments; each run has others.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
        Self(now.as_nanos() as u64 | 1)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

struct TestEnv {
    bed: Bed,
    top: PathBuf,
}

impl TestEnv {
    fn new() -> Self {
        let bed = newroot_testkit::bed!();
        let top = bed.directory("top", User::ordinary());
        Self { bed, top }
    }

    fn command(&self, without_links: bool, words: &[&str]) -> Command {
        let world = self.bed.enter().cwd(&self.top).user(User::ordinary());
        let world = if without_links { world.without_hard_links() } else { world };
        let mut command = world.command(&self.bed.program("newroot"));
        for (variable, place) in [("XDG_RUNTIME_DIR", "runtime"), ("XDG_CACHE_HOME", "cache")] {
            command.env(variable, self.top.join(place));
        }
        command.args(words);
        command
    }

    #[track_caller]
    fn succeeds(&self, words: &[&str]) -> Outcome {
        let outcome = run(&mut self.command(false, words));
        assert_eq!(outcome.ending, Ending::Exit(0), "{words:?}: {}", outcome.stderr());
        outcome
    }

    /// Starts the command, and kills it and all its processes after that time. Returns its output
    /// when none of them is left.
    fn killed_after(&self, mut command: Command, time: Duration) -> String {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("the command");
        let mut output = child.stdout.take().expect("it is piped");
        sleep(time);
        // Nothing has waited for it yet: no other process can have its number, even if it has
        // ended.
        let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
        let mut said = String::new();
        // Any remaining process has the other end.
        output.read_to_string(&mut said).expect("the end of the output");
        child.wait().expect("its end");
        assert_eq!(self.mounts(), "", "{command:?}, killed after {time:?}: the host's mounts");
        said
    }

    /// Returns the mounts that involve the directory. Other processes may mount other things
    /// meanwhile.
    fn mounts(&self) -> String {
        let all = fs::read_to_string("/proc/self/mountinfo").expect("the host's mounts");
        let ours = self.bed.scratch().to_str().expect("a plain name");
        all.lines().filter(|line| line.contains(ours)).collect()
    }

    /// Returns the names in the directory in which the commands run.
    fn names(&self) -> Vec<String> {
        let entries =
            fs::read_dir(&self.top).expect("our own directory").map(|entry| entry.expect("an entry"));
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().into_string().expect("a plain name")).collect();
        names.sort();
        names
    }

    /// Removes the staging directories and files that killed commands left beside their targets;
    /// all have one kind of name.
    fn remove_staging(&self) {
        for name in self.names().iter().filter(|name| name.starts_with(".newroot-")) {
            let path = self.top.join(name);
            let removed = if path.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
            removed.expect("the remains");
        }
    }
}

/// Kills a guest's command again and again, each time at another moment, and checks what it left.
fn kill_guests(options: &[&str]) {
    let place = TestEnv::new();
    let root = place.top.join("root");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/robust/kills/churn.c");
    for directory in ["bin", "work/d"] {
        fs::create_dir_all(root.join(directory)).expect("a directory of the root");
    }
    fs::copy(place.bed.program_of(&source), root.join("bin/churn")).expect("the program");
    own(&root, User::ordinary());
    let without_links = options.contains(&"--link2symlink");
    let words = |argument: &str| {
        let mut words = vec!["run", "--no-recommended"];
        words.extend(options);
        words.extend(["root", "--", "/bin/churn", argument]);
        words.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let command = |argument: &str| {
        let words = words(argument);
        place.command(without_links, &words.iter().map(String::as_str).collect::<Vec<_>>())
    };
    let mut random = Random::new();
    let ends = Instant::now() + Duration::from_secs_f64(seconds());
    let mut kills = 0;
    while Instant::now() < ends {
        for round in 0..8 {
            // Half of them during the start.
            let latest = if round % 2 == 0 { 8_000 } else { 60_000 };
            let time = Duration::from_micros(random.below(latest));
            place.killed_after(command(&random.below(1 << 30).to_string()), time);
            kills += 1;
        }
        let outcome = run(&mut command("check"));
        assert_eq!(outcome.stdout(), "0 wrong\n", "{options:?}, {kills} kills: {}", outcome.stderr());
        assert_eq!(outcome.ending, Ending::Exit(0), "{options:?}: {}", outcome.stderr());
    }
    println!("{options:?}: {kills} kills");
    let names: Vec<String> = place.names().into_iter().filter(|name| name != "cache").collect();
    assert_eq!(names, ["root"], "{options:?}");
    let left = links_left(&root);
    assert!(!left.contains("leads nowhere"), "{options:?}: {left}");
}

#[test]
fn killed_guests_leave_whole_files() {
    kill_guests(&["--engine=trap"]);
    kill_guests(&["--engine=namespace"]);
}

#[test]
fn killed_fake_roots_leave_whole_records() {
    kill_guests(&["--engine=trap", "--root"]);
}

#[test]
fn killed_guests_leave_no_file_without_its_names() {
    kill_guests(&["--engine=trap", "--root", "--link2symlink"]);
}

/// A killed command leaves its result as a whole, or none.
#[test]
fn killed_launchers_leave_all_or_nothing() {
    let place = TestEnv::new();
    place.succeeds(&["init", "root", "true", "sh"]);
    place.succeeds(&["export", "root", "-o", "root.tar"]);
    let whole = fs::read(place.top.join("root.tar")).expect("an archive");
    let made = |name: &str| place.top.join(name);
    // Commands that are killed, and what they make.
    let makers: [(&[&str], &str); 3] = [
        (&["import", "root.tar", "imported"], "imported"),
        (&["init", "made", "true", "sh"], "made"),
        (&["export", "root", "-o", "exported.tar"], "exported.tar"),
    ];
    let mut random = Random::new();
    let ends = Instant::now() + Duration::from_secs_f64(seconds());
    let (mut kills, mut done) = (0, 0);
    while Instant::now() < ends {
        for (words, name) in makers {
            place.killed_after(place.command(false, words), Duration::from_micros(random.below(25_000)));
            kills += 1;
            if made(name).exists() {
                done += 1;
                if name.ends_with(".tar") {
                    assert!(
                        fs::read(made(name)).expect("an archive") == whole,
                        "{words:?}: a part of an archive"
                    );
                    fs::remove_file(made(name)).expect("the result");
                } else {
                    place.succeeds(&["run", "--no-recommended", name, "--", "sh", "-c", "true"]);
                    fs::remove_dir_all(made(name)).expect("the result");
                }
            }
            place.remove_staging();
        }
        // `add` adds file by file: the root stays a root, and the rest can be added later.
        place.killed_after(
            place.command(false, &["add", "root", "ls"]),
            Duration::from_micros(random.below(15_000)),
        );
        kills += 1;
        place.succeeds(&["run", "--no-recommended", "root", "--", "sh", "-c", "true"]);
        place.succeeds(&["add", "root", "ls"]);
        place.succeeds(&["run", "--no-recommended", "root", "--", "ls", "/"]);
        place.succeeds(&["import", "--force", "root.tar", "root"]);
        fs::remove_dir_all(made("root")).expect("the root");
        place.succeeds(&["import", "root.tar", "root"]);
        let names: Vec<String> = place.names().into_iter().filter(|name| name != "cache").collect();
        assert_eq!(names, ["root", "root.tar"]);
    }
    println!("{kills} kills, {done} done before");
}
