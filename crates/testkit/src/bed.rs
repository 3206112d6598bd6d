//! The test bed of one test process: the newroot under test, the helper, compiled programs, trees.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::compile::{compile, copy_program, exists};
use crate::debian::newer_libraries;
use crate::engine::Engine;
use crate::enter::{ENVIRONMENT, Enter, User};
use crate::fixture::Fixture;
use crate::guest::{Guest, Linkage, tools};
use crate::links;
use crate::run::{Ending, Outcome, run, run_within};

mod check;
mod fake_root;
mod faults;
mod natives;

/// Path of the program under test in every root.
const GUEST_PROGRAM: &str = "/bin/guest";
/// Time limit of a guest. The slowest one needs three seconds natively.
const DEADLINE: Duration = Duration::from_secs(30);
/// The version of Landlock that enforces all of `--confine=strict`.
const ALL_OF_LANDLOCK: u32 = 6;
/// Working directory of a guest at its start.
const WORKING_DIRECTORY: &str = "/here";

/// Makes the test bed of a test in the package `newroot`. Only that package knows the path of its
/// program.
#[macro_export]
macro_rules! bed {
    () => {
        $crate::Bed::new(
            ::std::path::Path::new(env!("CARGO_BIN_EXE_newroot")),
            ::std::path::Path::new(env!("CARGO_TARGET_TMPDIR")),
            &::std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/guests"),
        )
    };
}

/// The observed result of a guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its output, and its exit status or signal.
    pub printed: String,
    /// Whether the time limit ended it.
    pub timed_out: bool,
    /// The files of the tree afterwards.
    pub files: String,
}

impl Facts {
    /// Returns everything as one text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.printed, self.files)
    }
}

/// The test bed. Dropping it removes everything in it.
pub struct Bed {
    scratch: TempDir,
    cache: PathBuf,
    guests: PathBuf,
    has_oracle: OnceLock<bool>,
    landlock: OnceLock<u32>,
    natives: natives::Natives,
    tools: OnceLock<PathBuf>,
}

impl Bed {
    /// Makes a test bed for the newroot under test. The directory for compiled programs outlives
    /// the process. The last argument is the folder of guest programs.
    ///
    /// # Panics
    /// If it can't be made.
    #[must_use]
    pub fn new(newroot: &Path, cache: &Path, guests: &Path) -> Self {
        let scratch = tempfile::Builder::new().prefix("newroot-test-").tempdir().expect("scratch");
        // The unprivileged user runs newroot, but may not have access to the build directory. So
        // newroot is copied here.
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(scratch.path(), open.clone()).expect("an open scratch directory");
        let bin = scratch.path().join("bin");
        fs::create_dir(&bin).expect("a directory for newroot");
        fs::set_permissions(&bin, open.clone()).expect("a searchable directory");
        let copy = bin.join("newroot");
        copy_program(newroot, &copy);
        fs::set_permissions(&copy, open).expect("an executable copy");
        for dialect in ["proot", "chroot"] {
            symlink("newroot", bin.join(dialect)).expect("a dialect's link");
        }
        Self {
            scratch,
            cache: cache.to_owned(),
            guests: guests.to_owned(),
            has_oracle: OnceLock::new(),
            landlock: OnceLock::new(),
            natives: natives::Natives::default(),
            tools: OnceLock::new(),
        }
    }

    /// Returns a directory that the unprivileged user can enter. Tests make their own directories
    /// in it.
    #[must_use]
    pub fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Returns the path of newroot under one of its names: `newroot`, `proot` or `chroot`.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.scratch.path().join("bin").join(name)
    }

    /// Begins the description of a command's environment.
    #[must_use]
    pub fn enter(&self) -> Enter {
        Enter::new(self.helper())
    }

    fn helper(&self) -> PathBuf {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("helpers/enter.c");
        compile(&self.cache, "gcc", &["-static"], &source, &[])
    }

    /// Makes an empty directory that belongs to `user`.
    ///
    /// # Panics
    /// If it can't be made.
    #[must_use]
    pub fn directory(&self, name: &str, user: User) -> PathBuf {
        let path = self.scratch.path().join(name);
        fs::create_dir(&path).expect("a fresh directory");
        if User::we_are_root() {
            std::os::unix::fs::chown(&path, Some(user.uid), Some(user.gid)).expect("its owner");
        }
        path
    }

    /// Returns the reason why `guest` can't run here with this linkage, natively or on an engine.
    /// `None` if it can.
    #[must_use]
    pub fn lacks(&self, guest: &Guest, linkage: Linkage, engine: Option<&Engine>) -> Option<&'static str> {
        let by_root = engine.is_some_and(|engine| engine.by_root || engine.fake_root);
        let confined = engine.is_some_and(|engine| engine.options.contains(&"--confine=strict"));
        if !*self.has_oracle.get_or_init(|| self.try_oracle()) {
            Some("neither root nor user namespaces are to be had for a real chroot")
        } else if (guest.as_root || by_root) && !User::we_are_root() {
            Some("only root can run it")
        } else if linkage == Linkage::Musl && !exists("musl-gcc") {
            Some("musl-gcc is not installed")
        } else if linkage == Linkage::Newer && newer_libraries().is_none() {
            Some("there is no newer C library: cargo xtask setup")
        } else if confined && *self.landlock.get_or_init(|| self.ask_for_landlock()) < ALL_OF_LANDLOCK {
            Some("--confine=strict needs Landlock 6 (Linux 6.12)")
        } else {
            None
        }
    }

    /// Returns whether a real chroot works here, as root or in a user namespace.
    fn try_oracle(&self) -> bool {
        run(&mut self.enter().mounts().command(Path::new("/bin/true"))).ending == Ending::Exit(0)
    }

    /// Returns the version of Landlock that `newroot doctor` finds; 0 for none.
    fn ask_for_landlock(&self) -> u32 {
        let said = run(Command::new(self.program("newroot")).arg("doctor")).stdout();
        let line = said.lines().find(|line| line.contains(" landlock ")).expect("a line about it");
        line.split_once("version ").map_or(0, |(_, version)| version.parse().expect("a number"))
    }

    /// Runs `guest` on the real kernel.
    #[must_use]
    pub fn native(&self, guest: &Guest, linkage: Linkage) -> Facts {
        self.native_without(guest, linkage, &[])
    }

    /// Runs `guest` on the real kernel, where some system calls are missing ([`Enter::deny`]).
    #[must_use]
    pub fn native_without(&self, guest: &Guest, linkage: Linkage, lacking: &[&str]) -> Facts {
        let user = guest.user();
        let mut fixture = self.furnish(guest, linkage, user);
        let world = self.real_root(&mut fixture, user).user(user).deny_all(lacking);
        facts(&mut fixture, &mut world.command(Path::new(GUEST_PROGRAM)))
    }

    /// Prepares a real chroot into the tree, with real bind mounts. `user` can't change the
    /// machine's own files there.
    fn real_root(&self, fixture: &mut Fixture, user: User) -> Enter {
        fixture.make_mount_points();
        let root = fixture.root();
        let mut world = self.enter().mounts();
        for binding in fixture.bindings() {
            let place = root.join(binding.guest.strip_prefix("/").expect("an absolute path"));
            let is_machines = binding.host == Path::new("/dev") && user == User::ROOT;
            world = if binding.read_only || is_machines {
                world.bind_read_only(&binding.host, &place)
            } else {
                world.bind(&binding.host, &place)
            };
        }
        world.root(&root).cwd(Path::new(WORKING_DIRECTORY))
    }

    /// Runs `guest` on `engine`.
    fn on_engine(&self, guest: &Guest, linkage: Linkage, engine: Engine) -> Facts {
        if engine.fake_root {
            return self.as_fake_root(guest, linkage, engine);
        }
        let user = guest.user();
        let mut fixture = self.furnish(guest, linkage, user);
        if engine.mount_points {
            fixture.make_mount_points();
        }
        let caller = if engine.by_root { User::ROOT } else { user };
        let mut command = self.newroot(&fixture, caller, engine);
        if engine.by_root {
            command.args(["-u", &format!("+{}:+{}", user.uid, user.gid), "--groups="]);
        }
        command.arg(fixture.root()).args(["--", GUEST_PROGRAM]);
        let outcome = run_within(&mut command, DEADLINE);
        let wrong = if engine.own_links { links::restore(&fixture.root()) } else { String::new() };
        facts_of(&mut fixture, &command, &outcome, &wrong)
    }

    /// Returns the command `newroot run`, run by `caller` on `engine`, up to the root.
    fn newroot(&self, fixture: &Fixture, caller: User, engine: Engine) -> Command {
        let world = self.enter().cwd(self.scratch()).user(caller);
        let world = world.deny_all(engine.denied).deny_all(engine.lacking);
        let program = self.program("newroot");
        let mut command = world.command(&program);
        if !engine.outer.is_empty() {
            let directory = self.scratch().as_os_str();
            command
                .arg("run")
                .args(engine.outer)
                .args(["-w".as_ref(), directory, "/".as_ref()])
                .arg(&program);
        }
        command.args(["run", "--no-recommended", "--clear-env"]).args(engine.options);
        for (name, value) in ENVIRONMENT {
            command.arg("-e").arg(format!("{name}={value}"));
        }
        for binding in fixture.bindings() {
            let mut text = OsString::from(&binding.host);
            text.push(":");
            text.push(&binding.guest);
            if binding.read_only {
                text.push(":ro");
            }
            command.arg("-b").arg(text);
        }
        command.args(["-w", WORKING_DIRECTORY]);
        command
    }

    /// Makes a tree with the program, its libraries, the tools and the program's own bindings.
    fn furnish(&self, guest: &Guest, linkage: Linkage, user: User) -> Fixture {
        let mut fixture = Fixture::new(self.scratch(), user, guest.long_root);
        let program = self.compiled(&guest.source, linkage);
        fixture.install(&program, Path::new(GUEST_PROGRAM));
        for library in libraries(&program, linkage) {
            let file = if linkage == Linkage::Newer { newer(&library) } else { library.clone() };
            fixture.install(&file, &library);
        }
        fixture.install_all(self.tools.get_or_init(|| self.gather_tools()), Path::new("/bin"));
        for extra in &guest.bindings {
            fixture.bind(&extra.host, &extra.guest, extra.read_only);
        }
        fixture
    }

    /// Gathers all tools in a directory, by their names.
    fn gather_tools(&self) -> PathBuf {
        let all = self.scratch.path().join("tools");
        fs::create_dir(&all).expect("a directory for tools");
        for tool in tools(&self.guests) {
            let name = tool.file_stem().expect("a tool has a name");
            copy_program(&self.compiled(&tool, Linkage::Static), &all.join(name));
        }
        all
    }

    /// Compiles a program of `tests/guests/tools`, linked statically.
    #[must_use]
    pub fn tool(&self, name: &str) -> PathBuf {
        self.compiled(&self.guests.join("tools").join(name).with_extension("c"), Linkage::Static)
    }

    /// Compiles a static program from one C source.
    #[must_use]
    pub fn program_of(&self, source: &Path) -> PathBuf {
        self.compiled(source, Linkage::Static)
    }

    /// Compiles a guest with every linkage, to be run on a machine without a compiler. Returns the
    /// programs and their libraries. Linkages that this machine can't make are left out.
    #[must_use]
    pub fn prepare(&self, guest: &Guest) -> Vec<PathBuf> {
        let mut files = Vec::new();
        for &linkage in guest.linkages.iter().filter(|&&linkage| match linkage {
            Linkage::Musl => exists("musl-gcc"),
            // The program doesn't look for its libraries where these lie.
            Linkage::Newer => false,
            Linkage::Static | Linkage::Dynamic => true,
        }) {
            let program = self.compiled(&guest.source, linkage);
            files.extend(libraries(&program, linkage));
            files.push(program);
        }
        files
    }

    /// Does the same for the programs that every guest's tree needs.
    #[must_use]
    pub fn prepare_tools(&self) -> Vec<PathBuf> {
        let tools = tools(&self.guests).into_iter().map(|tool| self.compiled(&tool, Linkage::Static));
        tools.chain([self.helper()]).collect()
    }

    fn compiled(&self, source: &Path, linkage: Linkage) -> PathBuf {
        let (compiler, flags): (&str, &[&str]) = match linkage {
            Linkage::Static => ("gcc", &["-static"]),
            // glibc loads libgcc_s at run time to cancel a thread, so the program has to list it.
            Linkage::Dynamic | Linkage::Newer => ("gcc", &["-Wl,--no-as-needed,-lgcc_s"]),
            Linkage::Musl => ("musl-gcc", &[]),
        };
        // Programs in other folders include the headers of one folder.
        let races = self.guests.join("../robust/races");
        let beside = source.parent().into_iter().chain([races.as_path()]).flat_map(headers);
        let headers: Vec<PathBuf> = headers(&self.guests).chain(beside).collect();
        compile(&self.cache, compiler, flags, source, &headers)
    }
}

fn facts(fixture: &mut Fixture, command: &mut Command) -> Facts {
    let outcome = run_within(command, DEADLINE);
    facts_of(fixture, command, &outcome, "")
}

fn facts_of(fixture: &mut Fixture, command: &Command, outcome: &Outcome, wrong: &str) -> Facts {
    let printed = format!("{}{wrong}", outcome.facts());
    if fixture.is_kept() {
        eprintln!("{command:?}\n{printed}");
    }
    Facts { printed, timed_out: outcome.ending == Ending::TimedOut, files: fixture.remains() }
}

/// Lists the headers in a folder.
fn headers(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries =
        fs::read_dir(folder).expect("a readable folder").map(|entry| entry.expect("an entry").path());
    let mut headers: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|e| e == "h")).collect();
    headers.sort();
    headers.into_iter()
}

/// The files a program needs to start: its loader and its libraries.
/// The newer file of a library's.
fn newer(library: &Path) -> PathBuf {
    let root = newer_libraries().expect("a newer C library");
    // No package owns the links in /lib and /lib64.
    let name = library.file_name().expect("a library has a name");
    let folders = ["usr/lib/x86_64-linux-gnu", "usr/lib64"].map(|folder| root.join(folder).join(name));
    folders.into_iter().find(|file| file.exists()).expect("the newer C library has this file")
}

fn libraries(program: &Path, linkage: Linkage) -> Vec<PathBuf> {
    match linkage {
        Linkage::Static => Vec::new(),
        // musl's loader is its only library.
        Linkage::Musl => vec![format!("/lib/ld-musl-{}.so.1", std::env::consts::ARCH).into()],
        Linkage::Dynamic | Linkage::Newer => {
            let output = Command::new("ldd").arg(program).output().expect("ldd");
            let text = String::from_utf8(output.stdout).expect("plain library names");
            let words = text.split_whitespace().filter(|word| word.starts_with('/'));
            words.map(PathBuf::from).collect()
        }
    }
}
