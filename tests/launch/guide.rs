//! Tasks of `docs/guide.md` and the README, word for word: the commands are read from the document,
//! run by an ordinary user in an empty directory, and must print what the document shows.
//!
//! In the document a comment names each tested block, which follows it:
//!
//! | comment | block |
//! |---|---|
//! | `<!-- test: NAME -->` | commands behind `$ `, each followed by the lines that it prints |
//! | `<!-- file: NAME -->` | a file that the tests find in their working directory |
//!
//! In a line of output `…` stands for any text.

use std::fs;
use std::path::Path;
use std::process::Command;

use newroot_testkit::{Bed, Ending, User, own, run, skip};

const GUIDE: &str = include_str!("../../docs/guide.md");

/// A command and the lines that it is to print.
struct Step {
    command: String,
    output: Vec<String>,
}

/// Returns the blocks that follow a comment `<!-- KIND: NAME -->`, with their names.
fn blocks(kind: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut found = Vec::new();
    let mut lines = GUIDE.lines();
    while let Some(line) = lines.next() {
        let comment = line.strip_prefix("<!-- ").and_then(|line| line.strip_suffix(" -->"));
        let Some((of_kind, name)) = comment.and_then(|comment| comment.split_once(": ")) else { continue };
        let opened = lines.by_ref().find(|line| !line.is_empty());
        assert!(
            opened.is_some_and(|line| line.starts_with("```")),
            "{name}: a block follows a comment, and not {opened:?}"
        );
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        if of_kind == kind {
            found.push((name, block));
        }
    }
    found
}

fn steps(block: &[&str]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for line in block {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push(Step { command: command.to_owned(), output: Vec::new() }),
            (None, Some(step)) if step.command.ends_with('\\') && step.output.is_empty() => {
                step.command.push('\n');
                step.command.push_str(line);
            }
            (None, Some(step)) => step.output.push((*line).to_owned()),
            (None, None) => panic!("output before the first command: {line}"),
        }
    }
    steps
}

/// Whether a printed line is the one in the document, where `…` stands for any text.
fn matches(expected: &str, printed: &str) -> bool {
    let mut pieces = expected.split('…');
    let Some(mut rest) = pieces.next().and_then(|first| printed.strip_prefix(first)) else { return false };
    let mut pieces = pieces.peekable();
    if pieces.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(piece) = pieces.next() {
        if pieces.peek().is_none() {
            return rest.ends_with(piece);
        }
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    true
}

/// Runs the commands of the block with this name, one after the other.
fn follow(name: &str) {
    let bed = newroot_testkit::bed!();
    let directory = bed.directory("task", User::ordinary());
    for (file, lines) in blocks("file") {
        fs::write(directory.join(file), lines.join("\n") + "\n").expect("a file of the guide");
    }
    own(&directory, User::ordinary());
    let block = blocks("test").into_iter().find(|(of, _)| *of == name);
    let (_, block) = block.unwrap_or_else(|| panic!("docs/guide.md has no block '{name}'"));
    let steps = steps(&block);
    assert!(steps.iter().any(|step| !step.output.is_empty()), "{name}: nothing would be compared");
    for step in steps {
        let outcome = run(&mut shell(&bed, &directory, &step.command));
        let printed = [outcome.stdout(), outcome.stderr()].concat();
        let lines: Vec<&str> = printed.lines().collect();
        assert!(
            lines.len() == step.output.len()
                && step.output.iter().zip(&lines).all(|(expected, line)| matches(expected, line)),
            "$ {}\nprints:\n{printed}and not:\n{}",
            step.command,
            step.output.join("\n"),
        );
        // A step that shows an error is to fail, and no other.
        let fails = step.output.iter().any(|line| line.ends_with("denied"));
        assert_eq!(outcome.ending != Ending::Exit(0), fails, "$ {}: {}", step.command, outcome.ending);
    }
}

/// The command as an ordinary user types it in `directory`, with an empty home.
fn shell(bed: &Bed, directory: &Path, line: &str) -> Command {
    let world = bed.enter().cwd(directory).user(User::ordinary());
    let mut command = world.command(Path::new("/bin/sh"));
    let programs = bed.program("newroot");
    let programs = programs.parent().expect("a directory of programs").display();
    command.args(["-c", line]).env("PATH", format!("{programs}:/usr/bin:/bin")).env("HOME", directory);
    command
}

#[test]
fn a_batch_job_runs_as_the_guide_says() {
    follow("a batch job");
}

#[test]
fn a_root_is_shared_as_the_guide_says() {
    follow("a shared root");
}

#[test]
fn owners_travel_with_an_archive_as_the_guide_says() {
    follow("owners travel with an archive");
}

/// The commands of the README that need nothing but this host and its programs, in an empty home.
#[test]
fn the_readme_works_word_for_word() {
    let name = "the_readme_works_word_for_word";
    let is_there = |program: &str| Path::new("/usr/bin").join(program).exists();
    if let Some(missing) = ["bash", "git", "python3"].into_iter().find(|program| !is_there(program)) {
        return skip(name, &format!("/usr/bin/{missing} is not installed"));
    }
    let bed = newroot_testkit::bed!();
    let home = bed.directory("home", User::ordinary());
    let commands = include_str!("../../README.md").lines().filter_map(|line| line.strip_prefix("$ "));
    let commands: Vec<&str> = commands
        .filter(|line| {
            line.contains(" ./jail")
                || line.split(" #").next().is_some_and(|line| line.trim() == "newroot run")
        })
        .filter(|line| !line.contains("./untrusted"))
        .collect();
    assert!(commands.len() >= 5, "the README has changed: {commands:?}");
    for line in commands {
        let outcome = run(&mut shell(&bed, &home, line));
        assert_eq!(outcome.ending, Ending::Exit(0), "$ {line}: {}", outcome.stderr());
        if line.contains("hello") {
            assert_eq!(outcome.stdout(), "hello\n", "$ {line}");
        }
    }
}

/// Commands whose options are checked where a document shows them.
const COMMANDS: &[&str] = &["run", "init", "add", "import", "export", "chroot", "proot"];

/// Returns newroot's own options in a command line that begins behind `newroot COMMAND`: those in
/// front of the root.
fn own_options(line: &str) -> Vec<&str> {
    let is_root = |word: &str| word == "/" || (word.starts_with("./") && !word.contains(':'));
    let words = line.split_whitespace().take_while(|word| !is_root(word) && *word != "--" && *word != "#");
    words.filter(|word| word.starts_with('-') && word.len() > 1).collect()
}

#[test]
fn options_in_the_documents_are_those_of_the_help() {
    let bed = newroot_testkit::bed!();
    let documents = [
        GUIDE,
        include_str!("../../README.md"),
        include_str!("../../docs/limits.md"),
        include_str!("../../docs/files.md"),
    ];
    let mut checked = 0;
    for command in COMMANDS {
        let help = run(Command::new(bed.program("newroot")).args([command, "--help"])).stdout();
        let known: Vec<&str> =
            help.split(|sign: char| !(sign.is_alphanumeric() || "-_".contains(sign))).collect();
        let marks = ["$ ", "# ", "`"].map(|mark| format!("{mark}newroot {command} "));
        for line in documents.iter().flat_map(|text| text.lines()) {
            for rest in marks.iter().flat_map(|mark| line.split(mark.as_str()).skip(1)) {
                for option in own_options(rest.split('`').next().unwrap_or_default()) {
                    let name = option.split('=').next().unwrap_or_default();
                    assert!(known.contains(&name), "`newroot {command}` has no {name}: {line}");
                    checked += 1;
                }
            }
        }
    }
    assert!(checked > 50, "only {checked} options were found in the documents");
}

#[test]
fn each_tested_block_of_the_guide_has_a_test() {
    let source = include_str!("guide.rs");
    for (name, _) in blocks("test") {
        assert!(source.contains(&format!("follow({name:?})")), "no test follows '{name}'");
    }
}

#[test]
fn three_dots_stand_for_any_text() {
    assert!(matches("a … c", "a b c") && matches("…", "") && matches("a", "a") && matches("…b…d", "abcd"));
    assert!(!matches("a … c", "a b d") && !matches("a", "ab") && !matches("…b…d", "acbc"));
}
