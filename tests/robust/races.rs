//! Races and shortages: nothing goes wrong in the trap engine that wouldn't go wrong natively.
//!
//! The programs in `tests/robust/races` count what they find wrong. Each also runs natively, so
//! that none of them counts correct behaviour. `NEWROOT_RACE_SECONDS` makes them run longer.

use std::fs;
use std::path::Path;
use std::time::Duration;

use newroot_testkit::{Bed, Ending, User, own, run_within, skip};

/// Duration of a program on each engine: two such runs and a native one take about 8 s.
const SECONDS: f64 = 2.5;

fn seconds() -> f64 {
    let asked = std::env::var("NEWROOT_RACE_SECONDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(SECONDS)
}

/// The trap engine with every call trapped, and with every call site patched as soon as it has
/// trapped once.
const ENGINES: [&[&str]; 2] = [&["--engine=trap", "--no-patch"], &["--engine=trap", "--patch-after=1"]];

/// The same with newroot's own hard links, where the host has none.
const OWN_LINKS: [&[&str]; 2] = [
    &["--engine=trap", "--link2symlink", "--no-patch"],
    &["--engine=trap", "--link2symlink", "--patch-after=1"],
];

/// Options with which a launch does least, and most.
const PLAIN_AND_ROOT: [&[&str]; 2] =
    [&["--engine=trap", "--no-patch"], &["--engine=trap", "--root", "--patch-after=1"]];

/// Runs a program of `tests/robust/races`, natively and on the engines, with these arguments after
/// the time.
fn race(name: &str, arguments: &[&str]) {
    race_on(name, arguments, &ENGINES);
}

fn race_on(name: &str, arguments: &[&str], engines: &[&[&str]]) {
    let bed = newroot_testkit::bed!();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/robust/races/{name}.c"));
    let program = bed.program_of(&source);
    if User::we_are_root() {
        // The native run verifies the program itself; it may be shorter.
        once(&bed, &program, None, seconds() / 5.0, arguments);
    } else {
        skip(&format!("{name}, natively"), "only root can chroot");
    }
    for engine in engines {
        once(&bed, &program, Some(engine), seconds(), arguments);
    }
}

fn once(bed: &Bed, program: &Path, engine: Option<&[&str]>, seconds: f64, arguments: &[&str]) {
    let user = User::ordinary();
    // A file of that name is outside, whatever directory the program climbs out of.
    let name = engine.map_or("native".to_owned(), |options| options.concat().replace("--", "-"));
    let outside = bed.directory(&name, user);
    let root = outside.join("a/b/root");
    for directory in ["bin", "work", "bound"] {
        fs::create_dir_all(root.join(directory)).expect("a directory of the root");
    }
    for directory in [&outside, &outside.join("a"), &outside.join("a/b")] {
        fs::write(directory.join("marker"), "not of the root\n").expect("a file outside");
    }
    fs::copy(program, root.join("bin/race")).expect("the program");
    let bound = outside.join("bound");
    fs::create_dir(&bound).expect("a directory to be bound");
    own(&outside, user);
    let mut command = match engine {
        Some(options) => {
            let newroot = bed.program("newroot");
            let mut world = bed.enter().cwd(bed.scratch()).user(user);
            if options.contains(&"--link2symlink") {
                world = world.without_hard_links();
            }
            let mut command = world.command(&newroot);
            command.args(["run", "--no-recommended", "-w", "/work"]).args(options);
            command.arg("-b").arg(format!("{}:/bound", bound.display())).arg(&root).args(["--", "/bin/race"]);
            command
        }
        None => {
            let world = bed.enter().mounts().bind(&bound, &root.join("bound"));
            world.root(&root).cwd(Path::new("/work")).user(user).command(Path::new("/bin/race"))
        }
    };
    command.arg(seconds.to_string()).args(arguments);
    let outcome = run_within(&mut command, Duration::from_secs_f64(seconds + 60.0));
    println!("{name}: {seconds} s, {arguments:?}: {}", outcome.stderr().trim_end());
    assert_eq!(outcome.stdout(), "0 wrong\n", "{name}: {}", outcome.stderr());
    assert_eq!(outcome.ending, Ending::Exit(0), "{name}: {}", outcome.stderr());
}

#[test]
fn directories_that_move_lead_nowhere_else() {
    race("renames", &[]);
}

#[test]
fn thousands_of_threads_stat_and_open() {
    race("threads", &["2000"]);
}

#[test]
fn storms_of_processes_and_programs() {
    race("forks", &[]);
}

#[test]
fn descriptors_run_out_where_the_kernel_says() {
    race("descriptors", &[]);
}

#[test]
fn killed_processes_disturb_no_others() {
    race("killed", &["1"]);
}

#[test]
fn names_of_files_come_and_go() {
    race("names", &[]);
    race_on("names", &[], &OWN_LINKS);
}

#[test]
fn files_are_examined_while_they_lose_their_last_names() {
    race_on("last_names", &[], &OWN_LINKS);
}

#[test]
fn sockets_below_long_paths_are_bound_while_others_lose_their_names() {
    race("socket_names", &[]);
    race_on("socket_names", &[], &PLAIN_AND_ROOT);
}

#[test]
fn execs_end_threads_in_the_middle_of_anything() {
    race_on("execs", &[], &PLAIN_AND_ROOT);
}

#[test]
fn handlers_jump_out_of_lookups() {
    race("signals", &[]);
}
