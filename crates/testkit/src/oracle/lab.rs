//! Runs cases natively and on engines, and compares the results.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::case::Case;
use super::tree::Tree;
use crate::bed::Bed;
use crate::compare::difference;
use crate::compile::copy_program;
use crate::engine::Engine;
use crate::enter::{ENVIRONMENT, User};
use crate::run::run_within;

/// Time limit of a case. A case ends itself earlier.
const DEADLINE: Duration = Duration::from_secs(30);

/// Number of repetitions in which a difference has to show. Some answers of the kernel depend on
/// other processes: when a lookup restarts, because something is mounted meanwhile, the symlinks
/// followed so far still count. A case full of symlinks has another first difference in every tenth
/// run.
pub(super) const AGAIN: usize = 4;

/// The environment in which cases run.
pub struct Lab<'a> {
    bed: &'a Bed,
    program: PathBuf,
    _place: TempDir,
}

/// Result of a case: a line for each operation, and the files afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    printed: String,
    files: String,
}

/// A difference between an engine and the kernel.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Number of the first operation with another result. `None` if only the files differ.
    pub operation: Option<usize>,
    /// Kind of the difference. Two differences of one kind are likely to have the same cause.
    pub kind: String,
    /// The lines that differ.
    pub text: String,
}

impl<'a> Lab<'a> {
    /// Makes a lab, and compiles the interpreter from `source`.
    ///
    /// # Panics
    /// If it can't be made.
    #[must_use]
    pub fn new(bed: &'a Bed, source: &Path) -> Self {
        // A copy on the file system of the trees. Each tree then gets a hard link.
        let place = tempfile::Builder::new().prefix("lab-").tempdir_in(bed.scratch()).expect("a directory");
        let program = place.path().join("interpreter");
        copy_program(&bed.program_of(source), &program);
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("an executable copy");
        Self { bed, program, _place: place }
    }

    fn tree(&self, case: &Case, user: User) -> Tree {
        let mut script = String::new();
        for line in case.lines.iter().filter_map(|line| line.strip_prefix("bind ")) {
            let place = line.split(' ').nth(1).unwrap_or("/");
            script.push_str(&format!("above {place}\n"));
        }
        case.operations().for_each(|operation| {
            script.push_str(operation);
            script.push('\n');
        });
        Tree::new(self.bed.scratch(), user, case, &self.program, &script)
    }

    /// Runs `case` on the real kernel, as the user that the guest of `engine` seems to be.
    #[must_use]
    pub fn native(&self, case: &Case, engine: Engine) -> Findings {
        let user = if engine.fake_root { User::ROOT } else { User::ordinary() };
        let tree = self.tree(case, user);
        let root = tree.root();
        let mut world = self.bed.enter().mounts();
        let place = |guest: &Path| root.join(guest.strip_prefix("/").unwrap_or(guest));
        for binding in case.bindings() {
            let (host, place) = (tree.path().join(&binding.host), place(&binding.guest));
            world = if binding.read_only {
                world.bind_read_only(&host, &place)
            } else {
                world.bind(&host, &place)
            };
        }
        if has_proc(engine) {
            fs::create_dir_all(root.join("proc")).expect("a directory of the root");
            world = world.bind(Path::new("/proc"), &root.join("proc"));
        }
        world = world.root(&root).cwd(Path::new("/")).user(user);
        if engine.fake_root {
            world = world.root_alone();
        }
        findings(&tree, engine, world.command(Path::new("/bin/guest")).arg("/bin/script"))
    }

    /// Runs `case` on `engine`.
    #[must_use]
    pub fn on_engine(&self, case: &Case, engine: Engine) -> Findings {
        let user = User::ordinary();
        let tree = self.tree(case, user);
        let caller = if engine.by_root { User::ROOT } else { user };
        let mut world = self.bed.enter().cwd(self.bed.scratch()).user(caller);
        world = engine.denied.iter().fold(world, |world, rule| world.deny(rule));
        let mut command = world.command(&self.bed.program("newroot"));
        command.args(["run", "--no-recommended", "--clear-env"]).args(engine.options);
        if engine.by_root {
            command.args(["-u", &format!("+{}:+{}", user.uid, user.gid), "--groups="]);
        }
        for (name, value) in ENVIRONMENT {
            command.arg("-e").arg(format!("{name}={value}"));
        }
        for binding in case.bindings() {
            let mut text = OsString::from(tree.path().join(&binding.host));
            text.push(":");
            text.push(&binding.guest);
            if binding.read_only {
                text.push(":ro");
            }
            command.arg("-b").arg(text);
        }
        if has_proc(engine) {
            fs::create_dir_all(tree.root().join("proc")).expect("a directory of the root");
            command.args(["-b", "/proc"]);
        }
        command.args(["-w", "/"]).arg(tree.root());
        findings(&tree, engine, command.args(["--", "/bin/guest", "/bin/script"]))
    }

    /// Runs a case `AGAIN` times natively and on the engine, and returns how often the difference
    /// shows.
    #[must_use]
    pub fn shown_again(&self, once: &Difference, case: &Case, engine: Engine) -> usize {
        let shows = |_: &usize| {
            let difference = self.native(case, engine).compare(&self.on_engine(case, engine), case);
            difference.is_some_and(|difference| difference.kind == once.kind)
        };
        (0..AGAIN).filter(shows).count()
    }
}

/// Returns whether the tree has a /proc. Natively root could change the machine's own (its mode,
/// its times).
fn has_proc(engine: Engine) -> bool {
    !engine.fake_root
}

fn findings(tree: &Tree, engine: Engine, command: &mut Command) -> Findings {
    let printed = run_within(command, DEADLINE).facts();
    // Messages of a failed launch name the tree.
    let printed = printed.replace(tree.path().to_str().expect("a plain path"), "TREE");
    // Owners and modes under fake root aren't the host's.
    let files = if engine.fake_root { String::new() } else { tree.remains() };
    Findings { printed, files }
}

impl Findings {
    /// Returns whether all operations ran.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.printed.ends_with("\nexit 0\n") && !self.printed.contains(" cannot understand ")
    }

    /// Returns everything as one text.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}{}", self.printed, self.files)
    }

    /// Counts how often each operation had each result, to judge the generator.
    pub fn count_results(&self, case: &Case, counts: &mut HashMap<(String, String), usize>) {
        for (operation, line) in case.operations().zip(self.printed.lines()) {
            let key = (word(operation, 1).to_owned(), result_of(line).to_owned());
            *counts.entry(key).or_default() += 1;
        }
    }

    /// Compares with another result.
    #[must_use]
    pub fn compare(&self, seen: &Self, case: &Case) -> Option<Difference> {
        if self == seen {
            return None;
        }
        let operations: Vec<&str> = case.operations().collect();
        let (expected, got): (Vec<_>, Vec<_>) =
            (self.printed.lines().collect(), seen.printed.lines().collect());
        let first = (0..expected.len().max(got.len())).find(|&at| expected.get(at) != got.get(at));
        let Some(at) = first else {
            let text = difference(&self.files, &seen.files).unwrap_or_default();
            return Some(Difference { operation: None, kind: "files".to_owned(), text });
        };
        let [expected, got] = [expected.get(at), got.get(at)].map(|line| *line.unwrap_or(&""));
        let operation = *operations.get(at).unwrap_or(&"");
        let kind = format!("{}: {} for {}", word(operation, 1), result_of(got), result_of(expected));
        let text = format!("  {operation}\n- {expected}\n+ {got}\n");
        Some(Difference { operation: Some(at), kind, text })
    }
}

fn word(line: &str, at: usize) -> &str {
    line.split(' ').nth(at).unwrap_or("")
}

/// Returns an error's name, or the word for success.
fn result_of(line: &str) -> &str {
    match word(line, 1) {
        number if number.parse::<i64>().is_ok() => "success",
        other => other,
    }
}
