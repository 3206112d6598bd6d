//! Checks that the shim's modules form layers, and that no import goes up.
//!
//! The test reads the paths in the shim's source (`crate::…`, `super::…`, `self::…`, and those that
//! begin with a child module or an import), and builds the graph of its files. [`LAYERS`] is the
//! only list of the layers. `cargo test -p newroot-shim --test layers -- --nocapture` prints the
//! cycles among the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The layers, from top to bottom. A module may import from its own layer and from those below it.
/// Two modules of a layer don't import each other. A name includes the modules inside it.
const LAYERS: &[&[&str]] = &[
    // The entry points of the image, and the start of a program.
    &["main"],
    &["start"],
    // The ways in which a call arrives: by a signal, or from a patched call site.
    &["trap"],
    &["fast"],
    // Changes to a call before the ordinary code handles it.
    &["fakeroot"],
    &["tracing"],
    &["patch"],
    // The ordinary code for each call.
    &["calls"],
    &["handlers"],
    &["loader"],
    // From a guest path to a file.
    &["resolve"],
    &["hardlinks"],
    // The mounts that a process sees, its identity, and the program that it runs.
    &["mount_view"],
    &["identity"],
    &["host_path"],
    &["program"],
    // The plan, the state of the process, and the registers and frames of a call.
    &["session", "state"],
    &["call"],
    // Memory, and the kernel.
    &["limits", "slots"],
    &["memory"],
    &["report"],
    &["kernel"],
];

/// For each file of modules, the files that it imports from, by module path (`calls::exec`; `""` is
/// `lib.rs`).
type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_import_goes_up() {
    let graph = graph();
    print_cycles(&graph);
    let mut wrong = Vec::new();
    for (from, imports) in &graph {
        let Some(upper) = layer(from) else {
            wrong.push(format!("{from} is in no layer"));
            continue;
        };
        for to in imports {
            match layer(to) {
                Some(lower) if lower >= upper => {}
                Some(_) => wrong.push(format!("{from} imports {to}, which is in a layer above it")),
                None => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{} imports:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_cycle_leads_through_two_modules() {
    for cycle in cycles(&graph()) {
        let modules: BTreeSet<_> = cycle.iter().map(|file| unit(file)).collect();
        assert!(modules.len() == 1, "{modules:?} import each other: {cycle:?}");
    }
}

#[test]
fn a_files_imports_are_found_wherever_they_stand() {
    let found = |source: &str| {
        let paths = paths("a::b", source);
        paths.into_iter().map(|path| path.join("::")).collect::<Vec<_>>()
    };
    assert_eq!(found("use crate::d::{self, e::{F, G as H}};"), ["d", "d::e::F", "d::e::G"]);
    assert_eq!(
        found("use super::x; use self::c::Y; fn f() { super::super::d::g::<u8>() }"),
        ["a::x", "a::b::c::Y", "d::g"]
    );
    assert_eq!(found("mod c; pub use c::Z;"), ["a::b::c::Z"]);
    assert_eq!(found("mod inner { use super::Own; use super::super::x; }"), ["a::b::Own", "a::x"]);
    let none = "// use crate::d;\n/* crate::d */ const A: &[u8] = b\"crate::d::\\\"\"; const B: char = '\"';";
    assert_eq!(found(none), [""; 0]);
    assert_eq!(found("#[cfg(test)]\nmod tests { use crate::d; }\nuse crate::a;"), ["a"]);
}

#[test]
fn every_layer_names_modules_that_exist() {
    let graph = graph();
    for name in LAYERS.iter().copied().flatten() {
        assert!(graph.contains_key(*name), "{name} is no module");
    }
}

/// Returns the entry of [`LAYERS`] that a module belongs to.
fn unit(module: &str) -> Option<&'static str> {
    let mut at = module;
    loop {
        if let Some(name) = LAYERS.iter().copied().flatten().find(|&&name| name == at) {
            return Some(name);
        }
        at = &at[..at.rfind("::")?];
    }
}

fn layer(module: &str) -> Option<usize> {
    if module.is_empty() {
        // The file lib.rs, which declares the modules.
        return Some(LAYERS.len());
    }
    let unit = unit(module)?;
    LAYERS.iter().position(|layer| layer.contains(&unit))
}

fn print_cycles(graph: &Graph) {
    let mut cycles = cycles(graph);
    cycles.sort_by_key(|cycle| std::cmp::Reverse(cycle.len()));
    println!("{} files, {} cycles", graph.len(), cycles.len());
    for cycle in &cycles {
        println!("{}: {}", cycle.len(), cycle.join(" "));
    }
}

/// Returns the sets of files that import each other, directly or through others.
fn cycles(graph: &Graph) -> Vec<Vec<&str>> {
    let reach: BTreeMap<&str, BTreeSet<&str>> =
        graph.keys().map(|from| (from.as_str(), reachable(graph, from))).collect();
    let mut cycles = Vec::new();
    let mut visited = BTreeSet::new();
    for (&from, there) in &reach {
        if !there.contains(from) || visited.contains(from) {
            continue;
        }
        let cycle: Vec<_> = there.iter().copied().filter(|to| reach[to].contains(from)).collect();
        visited.extend(cycle.iter().copied());
        cycles.push(cycle);
    }
    cycles
}

fn reachable<'a>(graph: &'a Graph, from: &str) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    let mut next: Vec<&str> = graph[from].iter().map(String::as_str).collect();
    while let Some(at) = next.pop() {
        if found.insert(at) {
            next.extend(graph[at].iter().map(String::as_str));
        }
    }
    found
}

fn graph() -> Graph {
    let mut files = BTreeMap::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &[], &mut files);
    let modules: BTreeSet<String> = files.keys().cloned().collect();
    let mut graph = Graph::new();
    for (name, source) in &files {
        let mut imports = BTreeSet::new();
        for path in paths(name, source) {
            let mut path = path.as_slice();
            // The end of a path that is no module is an item of the file.
            while !modules.contains(&path.join("::")) {
                path = &path[..path.len() - 1];
            }
            imports.insert(path.join("::"));
        }
        imports.remove(name);
        graph.insert(name.clone(), imports);
    }
    graph
}

fn read(directory: &Path, inside: &[String], files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let mut module = inside.to_vec();
        if path.is_dir() {
            module.push(name);
            read(&path, &module, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            if name != "mod" && name != "lib" {
                module.push(name);
            }
            files.insert(module.join("::"), fs::read_to_string(&path).unwrap());
        }
    }
}

/// Returns the absolute paths of the imports in a file that lead to modules of the shim.
fn paths(file: &str, source: &str) -> Vec<Vec<String>> {
    let tokens = tokens(source);
    let mut here: Vec<String> = file.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect();
    if file == "main" {
        here.clear();
    }
    let children: BTreeSet<&str> = tokens
        .windows(3)
        .filter(|part| part[0] == "mod" && part[2] == ";")
        .map(|part| part[1].as_str())
        .collect();
    let mut found = Vec::new();
    // Depths of braces at which inline modules begin.
    let mut inner = Vec::new();
    let mut depth = 0_usize;
    let mut at = 0;
    while at < tokens.len() {
        let rest = &tokens[at..];
        match rest {
            [hash, open, cfg, _, test, ..]
                if hash == "#" && open == "[" && cfg == "cfg" && test == "test" =>
            {
                // A module of tests may import anything.
                let begin = at + tokens[at..].iter().position(|token| token == "{" || token == ";").unwrap();
                at = if tokens[begin] == "{" { closing(&tokens, begin) } else { begin } + 1;
                continue;
            }
            [word, _, brace, ..] if word == "mod" && brace == "{" => {
                inner.push(depth);
                depth += 1;
                at += 3;
                continue;
            }
            [brace, ..] if brace == "{" => depth += 1,
            [brace, ..] if brace == "}" => {
                depth -= 1;
                inner.pop_if(|begin| *begin == depth);
            }
            [first, colons, ..] if colons == "::" && (at == 0 || tokens[at - 1] != "::") => {
                let start = match first.as_str() {
                    "crate" | "newroot_shim" => Some((Vec::new(), 2)),
                    "self" if inner.is_empty() => Some((here.clone(), 2)),
                    "super" => {
                        let ups = rest.chunks(2).take_while(|part| part[0] == "super").count();
                        let up = ups.saturating_sub(inner.len());
                        Some((here[..here.len() - up].to_vec(), ups * 2))
                    }
                    child if inner.is_empty() && children.contains(child) => Some((here.clone(), 0)),
                    _ => None,
                };
                if let Some((base, skip)) = start {
                    tree(&tokens, &mut (at + skip), &base, &mut found);
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Reads one path, or a tree of paths in braces.
fn tree(tokens: &[String], at: &mut usize, base: &[String], found: &mut Vec<Vec<String>>) {
    if tokens[*at] == "{" {
        *at += 1;
        while tokens[*at] != "}" {
            tree(tokens, at, base, found);
            while tokens[*at] != "," && tokens[*at] != "}" {
                *at += 1;
            }
            if tokens[*at] == "," {
                *at += 1;
            }
        }
        *at += 1;
        return;
    }
    let mut path = base.to_vec();
    if tokens[*at] != "self" {
        path.push(tokens[*at].clone());
    }
    *at += 1;
    if tokens.get(*at).is_some_and(|token| token == "::") && tokens[*at + 1] != "<" {
        *at += 1;
        tree(tokens, at, &path, found);
    } else {
        found.push(path);
    }
}

fn closing(tokens: &[String], begin: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(begin) {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => return at,
            "}" => depth -= 1,
            _ => {}
        }
    }
    panic!("a brace isn't closed");
}

/// Returns the words and punctuation of a source, without comments and literals.
fn tokens(source: &str) -> Vec<String> {
    let text: Vec<char> = source.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let starts = |with: &str| with.chars().eq(rest.iter().copied().take(with.len()));
        let raw_string = rest[1..].iter().take_while(|&&char| char == '#').count();
        if starts("//") {
            at += rest.iter().take_while(|&&char| char != '\n').count();
        } else if starts("/*") {
            at += 2 + rest.windows(2).skip(2).take_while(|pair| *pair != ['*', '/']).count() + 2;
        } else if starts("r\"") || (starts("r#") && rest.get(1 + raw_string) == Some(&'"')) {
            let end: String = std::iter::once('"').chain(std::iter::repeat_n('#', raw_string)).collect();
            let body: String = rest[2 + raw_string..].iter().collect();
            at += 2 + raw_string + body[..body.find(&end).unwrap()].chars().count() + end.len();
        } else if rest[0] == '"' {
            at += 1;
            while text[at] != '"' {
                at += if text[at] == '\\' { 2 } else { 1 };
            }
            at += 1;
        } else if rest[0] == '\'' && (rest[1] == '\\' || rest.get(2) == Some(&'\'')) {
            at += 2 + usize::from(rest[1] == '\\');
            while text[at] != '\'' {
                at += 1;
            }
            at += 1;
        } else if rest[0].is_alphanumeric() || rest[0] == '_' {
            let word: String =
                rest.iter().take_while(|char| char.is_alphanumeric() || **char == '_').collect();
            at += word.chars().count();
            // The word is the prefix of a literal.
            if !(matches!(word.as_str(), "b" | "c") && matches!(text.get(at), Some('"' | '\''))) {
                tokens.push(word);
            }
        } else if starts("::") {
            tokens.push("::".to_owned());
            at += 2;
        } else {
            if !rest[0].is_whitespace() {
                tokens.push(rest[0].to_string());
            }
            at += 1;
        }
    }
    tokens
}
