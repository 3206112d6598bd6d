//! Programs of the host in a root that holds only what was brought for them.

mod common;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::process::Command;
use std::slice;

use common::{Scratch, again, as_ordinary_user, entering, expect_one_passed, inner};
use newroot_roots::{Note, Observer, Options, Warning};

/// Collects warnings and notes.
#[derive(Default)]
struct Listener {
    warnings: Vec<Warning>,
    notes: Vec<Note>,
    steps: Vec<(usize, usize)>,
}

impl Observer for Listener {
    fn progress(&mut self, done: usize, total: usize, _: &Path) -> std::ops::ControlFlow<()> {
        self.steps.push((done, total));
        std::ops::ControlFlow::Continue(())
    }

    fn warn(&mut self, warning: &Warning) {
        self.warnings.push(warning.clone());
    }

    fn note(&mut self, note: &Note) {
        self.notes.push(note.clone());
    }
}

#[test]
fn dynamic_programs_run() {
    let scratch = Scratch::new();
    let summary = scratch.init(&["bash", "ls", "id"]).unwrap();
    assert_eq!(summary.programs.len(), 3);
    assert_eq!(scratch.run(&["bash", "-c", "echo $((6 * 7))"]), "42\n");
    assert_eq!(scratch.run(&["id", "-un"]), "root\n", "/etc/passwd serves");
    let names = scratch.run(&["ls", "/"]);
    for name in ["dev", "etc", "home", "proc", "root", "run", "sys", "tmp", "usr", "var"] {
        assert!(names.lines().any(|line| line == name), "{name} in {names}");
    }
}

#[test]
fn python_comes_with_its_standard_library() {
    let scratch = Scratch::new();
    scratch.init(&["/usr/bin/python3"]).unwrap();
    let program = "import ctypes, hashlib, json; print(json.dumps(hashlib.md5(b'').hexdigest()))";
    assert_eq!(scratch.run(&["python3", "-c", program]), "\"d41d8cd98f00b204e9800998ecf8427e\"\n");
}

#[test]
fn perl_comes_with_its_core_modules() {
    let scratch = Scratch::new();
    scratch.init(&["/usr/bin/perl"]).unwrap();
    let script = scratch
        .script("root/floor.pl", "use POSIX; use List::Util 'sum'; print floor(sum(1.5, 2)), \"\\n\";");
    assert!(script.exists());
    assert_eq!(scratch.run(&["perl", "/floor.pl"]), "3\n");
}

/// Returns whether the host has a program. In CI it must have it.
fn has(program: &str, package: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok();
    if !found {
        println!("skipped: {program} is not on this host (Debian's {package} has it)");
        assert!(std::env::var_os("CI").is_none(), "CI can install it");
    }
    found
}

#[test]
fn gcc_comes_with_its_programs_headers_and_libraries() {
    let scratch = Scratch::new();
    scratch.init(&["/usr/bin/gcc", "sh", "cat"]).unwrap();
    let hello = "#include <errno.h>\n#include <math.h>\n#include <stdio.h>\n#include <sys/socket.h>\n\
                 int main(int count, char **words) { (void)words; \
                 printf(\"%.0f\\n\", sqrt(41 + count)); return 0; }\n";
    fs::write(scratch.root().join("hello.c"), hello).unwrap();
    for options in ["", "-O2 -flto", "-static", "-pthread -g"] {
        let script = format!("cd /tmp && gcc {options} -Wall -Werror -o hello /hello.c -lm && ./hello");
        assert_eq!(scratch.run(&["sh", "-c", &script]), "6\n", "gcc {options}");
    }
}

#[test]
fn gxx_comes_with_its_headers_and_library() {
    if !has("g++", "g++") {
        return;
    }
    let scratch = Scratch::new();
    scratch.init(&["/usr/bin/g++", "sh"]).unwrap();
    let hello = "#include <iostream>\n#include <vector>\n\
                 int main() { std::vector<int> all{1, 2}; std::cout << all.size() << std::endl; }\n";
    fs::write(scratch.root().join("hello.cc"), hello).unwrap();
    assert_eq!(scratch.run(&["sh", "-c", "g++ -o /tmp/hello /hello.cc && /tmp/hello"]), "2\n");
}

#[test]
fn git_comes_with_its_programs_and_templates() {
    if !has("git", "git") {
        return;
    }
    let scratch = Scratch::new();
    scratch.init(&["git", "ls", "cat"]).unwrap();
    let script = "PATH=$PATH:/usr/local/bin; export HOME=/root GIT_CONFIG_NOSYSTEM=1
        git init -q -b main /tmp/a && cd /tmp/a && test -f .git/info/exclude
        echo text > file && git add file
        git -c user.name=a -c user.email=a@b commit -q -m first
        git clone -q file:///tmp/a /tmp/b && cat /tmp/b/file
        git submodule --quiet status && ls -d .git/hooks";
    assert_eq!(scratch.run(&["sh", "-ec", script]), "text\n.git/hooks\n");
    // On some hosts git is one file with a hundred names.
    let exec_path = scratch.run(&["sh", "-c", "PATH=$PATH:/usr/local/bin git --exec-path"]);
    let exec_path = scratch.root().join(exec_path.trim().trim_start_matches('/'));
    let size: u64 = fs::read_dir(&exec_path)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap())
        .filter(|metadata| metadata.nlink() == 1)
        .map(|metadata| metadata.len())
        .sum();
    assert!(size < 32 << 20, "{size} bytes");
    assert!(exec_path.join("git-remote-https").exists());
}

#[test]
fn files_with_several_names_stay_one_file() {
    let scratch = Scratch::new();
    let tool = scratch.script("tools/one", "#!/bin/sh\necho \"${0##*/}\"\n");
    fs::hard_link(&tool, scratch.path("tools/two")).unwrap();
    scratch.init(&[&scratch.path("tools"), Path::new("/bin/sh")]).unwrap();
    let inode = |name: &str| {
        let path = scratch.root().join(scratch.path(name).strip_prefix("/").unwrap());
        fs::metadata(path).unwrap().ino()
    };
    assert_eq!(inode("tools/one"), inode("tools/two"));
    assert_eq!(scratch.run(&[&scratch.path("tools/two")]), "two\n");
}

#[test]
fn what_speaks_tls_comes_with_certificates() {
    let bundles =
        ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
    let Some(bundle) = bundles.iter().find(|bundle| fs::metadata(bundle).is_ok()) else {
        println!("skipped: this host has no certificates (Debian's ca-certificates has them)");
        assert!(std::env::var_os("CI").is_none(), "CI can install them");
        return;
    };
    if has("curl", "curl") {
        let scratch = Scratch::new();
        scratch.init(&["/usr/bin/curl", "/usr/bin/python3", "cat"]).unwrap();
        assert_eq!(scratch.run(&["cat", bundle]), fs::read_to_string(bundle).unwrap());
        // Python's ssl looks where OpenSSL's defaults say.
        let script = "import json, os, ssl; paths = ssl.get_default_verify_paths(); \
                      print(bool(paths.cafile or paths.capath and os.listdir(paths.capath)))";
        assert_eq!(scratch.run(&["python3", "-c", script]), "True\n");
    }
}

#[test]
fn what_draws_on_terminals_comes_with_their_descriptions() {
    let scratch = Scratch::new();
    scratch.init(&["bash", "tput"]).unwrap();
    for terminal in ["xterm-256color", "linux", "screen", "dumb"] {
        assert_eq!(scratch.run(&["bash", "-c", &format!("TERM={terminal} tput cols")]), "80\n", "{terminal}");
    }
    assert_eq!(scratch.run(&["bash", "-c", "TERM=xterm-256color tput colors"]), "256\n");
}

#[test]
fn ssh_and_vim_come_with_their_files() {
    let scratch = Scratch::new();
    if has("vim", "vim") {
        scratch.init(&["vim", "bash", "cat"]).unwrap();
        let is_there = r#"[filereadable(expand("$VIMRUNTIME/filetype.vim"))]"#;
        let script = format!("vim -es -N -u NONE '+call writefile({is_there}, \"/tmp/x\")' +q!; cat /tmp/x");
        let text = scratch.run(&["bash", "-c", &script]);
        assert_eq!(text, "1\n");
    }
    if has("ssh", "openssh-client") && fs::metadata("/etc/ssh/ssh_config").is_ok() {
        let scratch = Scratch::new();
        scratch.init(&["ssh", "cat"]).unwrap();
        assert_eq!(
            scratch.run(&["cat", "/etc/ssh/ssh_config"]),
            fs::read_to_string("/etc/ssh/ssh_config").unwrap()
        );
        assert!(scratch.run(&["ssh", "-G", "example"]).contains("hostname example\n"));
    }
}

#[test]
fn what_the_host_lacks_or_hides_is_a_note_and_nothing_else() {
    let scratch = Scratch::new();
    // A git made by this test, which has no templates.
    let path = scratch.path("core");
    let git = scratch.script("bin/git", &format!("#!/bin/sh\necho '{}'\n", path.display()));
    let core = scratch.script("core/git-x", "#!/bin/sh\n");
    symlink("nowhere", scratch.path("core/dangling")).unwrap();
    symlink("/dev/null", scratch.path("core/device")).unwrap();
    let mut listener = Listener::default();
    newroot_roots::init(&scratch.root(), &[git.clone().into()], &Options::default(), &mut listener).unwrap();
    assert!(scratch.root().join(core.strip_prefix("/").unwrap()).is_file());
    assert_eq!(listener.warnings, []);
    let notes: Vec<String> = listener.notes.iter().map(ToString::to_string).collect();
    let templates = format!("skipping '<prefix>/share/git-core' for '{}': not on this host", git.display());
    assert!(notes.contains(&templates), "{notes:?}");
}

#[test]
fn a_program_that_never_stops_printing_is_skipped() {
    let scratch = Scratch::new();
    let gcc = scratch.script("bin/gcc", "#!/bin/sh\nwhile :; do echo /nowhere/at/all; done\n");
    let mut listener = Listener::default();
    newroot_roots::init(&scratch.root(), &[gcc.clone().into()], &Options::default(), &mut listener).unwrap();
    let too_much = |note: &String| note.ends_with("the program prints too much");
    assert!(listener.notes.iter().map(ToString::to_string).any(|note| too_much(&note)));
}

#[test]
fn files_that_the_caller_may_not_read_are_skipped() {
    let name = "files_that_the_caller_may_not_read_are_skipped";
    if inner().is_none() {
        as_ordinary_user(name);
        return;
    }
    let scratch = Scratch::new();
    let core = scratch.path("core");
    let git = scratch.script("bin/git", &format!("#!/bin/sh\necho '{}'\n", core.display()));
    scratch.script("core/git-x", "#!/bin/sh\n");
    for (hidden, is_directory) in [("core/secret", false), ("core/closed", true)] {
        let path = scratch.path(hidden);
        if is_directory { fs::create_dir(&path) } else { fs::write(&path, "") }.unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    }
    let mut listener = Listener::default();
    newroot_roots::init(&scratch.root(), &[git.clone().into()], &Options::default(), &mut listener).unwrap();
    let inside = |path: &Path| scratch.root().join(path.strip_prefix("/").unwrap());
    assert!(inside(&core.join("git-x")).is_file());
    for hidden in ["secret", "closed"] {
        let path = core.join(hidden);
        let (path, git) = (path.display(), git.display());
        let note = format!("skipping '{path}' for '{git}': Permission denied");
        assert!(listener.notes.iter().any(|known| known.to_string() == note), "{:?}", listener.notes);
        assert!(!inside(&core.join(hidden)).exists());
    }
    // So that the scratch directory can be removed.
    fs::set_permissions(core.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn root_keeps_its_own_configuration_silently() {
    let scratch = Scratch::new();
    let etc = scratch.root().join("etc/ssh/ssh_config");
    if !has("ssh", "openssh-client") || fs::metadata("/etc/ssh/ssh_config").is_err() {
        return;
    }
    fs::create_dir_all(etc.parent().unwrap()).unwrap();
    fs::write(&etc, "# the root's own\n").unwrap();
    // A directory where the host has a file.
    fs::create_dir_all(scratch.root().join("etc/localtime")).unwrap();
    let mut listener = Listener::default();
    newroot_roots::add(&scratch.root(), &["ssh".into()], &Options::default(), &mut listener).unwrap();
    assert_eq!(fs::read_to_string(&etc).unwrap(), "# the root's own\n");
    assert_eq!(listener.warnings, []);
    let kept =
        listener.notes.iter().any(|note| note.to_string() == "keeping the root's own '/etc/ssh/ssh_config'");
    assert!(kept, "{:?}", listener.notes);
}

#[test]
fn busybox_comes_with_its_applets() {
    let scratch = Scratch::new();
    scratch.init::<&str>(&[]).unwrap();
    let output = scratch.run(&["sh", "-c", "echo $((6 * 7)); ls /; test -x /bin/ls && echo there"]);
    assert!(output.starts_with("42\n") && output.ends_with("there\n"), "{output}");
    if Command::new("busybox").arg("true").status().is_ok_and(|status| status.success()) {
        assert!(fs::read_link(scratch.root().join("bin/ls")).unwrap().ends_with("busybox"));
        // A real program replaces the applet.
        scratch.add(&["ls"]).unwrap();
        assert!(scratch.run(&["ls", "--version"]).contains("coreutils"));
    }
}

#[test]
fn usual_programs_come_where_there_is_no_busybox() {
    let scratch = Scratch::new();
    let hidden = scratch.path("bin");
    fs::create_dir(&hidden).unwrap();
    for directory in ["/usr/bin", "/bin"] {
        for entry in fs::read_dir(directory).unwrap().flatten() {
            if entry.file_name() != "busybox" {
                let _ = symlink(entry.path(), hidden.join(entry.file_name()));
            }
        }
    }
    let mut options = Options::default();
    options.search_path = hidden.into();
    newroot_roots::init(&scratch.root(), &[], &options, &mut ()).unwrap();
    let output = scratch.run(&["sh", "-c", "printf '%s\\n' b a | sort | tr a-z A-Z; mktemp -d | cut -c-5"]);
    assert_eq!(output, "A\nB\n/tmp/\n");
}

#[test]
fn script_brings_its_interpreters() {
    let scratch = Scratch::new();
    let inner = scratch.script("bin/inner", "#!/usr/bin/env bash\nread -r first < \"$1\"; echo \"$0 $1\"\n");
    let outer = scratch.script("bin/outer", &format!("#!{}\n", inner.display()));
    scratch.init(&[&outer]).unwrap();
    assert_eq!(
        scratch.run(&[&outer]),
        format!("{} {}\n", inner.display(), outer.display()),
        "a script as the interpreter of a script"
    );
}

#[test]
fn chain_of_symlinks_is_reproduced() {
    let scratch = Scratch::new();
    let real = scratch.script("lib/tool-2", "#!/bin/sh\necho \"$0\"\n");
    fs::create_dir_all(scratch.path("etc/alternatives")).unwrap();
    fs::create_dir(scratch.path("bin")).unwrap();
    // An absolute link, then a relative one through a linked directory.
    symlink(scratch.path("etc/alternatives/tool"), scratch.path("bin/tool")).unwrap();
    symlink("lib", scratch.path("slib")).unwrap();
    symlink("../../slib/tool-2", scratch.path("etc/alternatives/tool")).unwrap();
    let tool = scratch.path("bin/tool");
    scratch.init(&[&tool]).unwrap();
    let inside = |path: &Path| scratch.root().join(path.strip_prefix("/").unwrap());
    for link in [&tool, &scratch.path("etc/alternatives/tool"), &scratch.path("slib")] {
        assert_eq!(fs::read_link(inside(link)).unwrap(), fs::read_link(link).unwrap());
    }
    assert!(inside(&real).is_file());
    assert_eq!(scratch.run(&[&tool]), format!("{}\n", tool.display()));
}

#[test]
fn names_that_are_not_utf_8_are_names() {
    let scratch = Scratch::new();
    let name = OsStr::from_bytes(b"b\xffn/t\xf6\xf6l");
    let tool = scratch.script(Path::new(name), "#!/bin/sh\necho found\n");
    scratch.init(&[&tool]).unwrap();
    assert_eq!(scratch.run(&[&tool]), "found\n");
}

const SAY: &str =
    "#include <stdio.h>\nextern const char *word(void);\nint main(void) { puts(word()); return 0; }\n";
const WORD: &str = "const char *word(void) { return \"hello\"; }\n";

#[test]
fn libraries_by_origin_lie_where_the_program_looks() {
    let scratch = Scratch::new();
    scratch.compile("gcc", WORD, "app/lib/libword.so", &["-shared", "-fPIC"]);
    let say =
        scratch.compile("gcc", SAY, "app/bin/say", &["-Lapp/lib", "-lword", "-Wl,-rpath,$ORIGIN/../lib"]);
    // The loader gets the program's real path from the kernel.
    symlink(&say, scratch.path("say")).unwrap();
    let link = scratch.path("say");
    scratch.init(&[&link]).unwrap();
    assert_eq!(scratch.run(&[&link]), "hello\n");
}

#[test]
fn rpath_of_the_program_serves_a_library_of_a_library() {
    let scratch = Scratch::new();
    scratch.compile("gcc", WORD, "deep/libword.so", &["-shared", "-fPIC"]);
    let middle = "extern const char *word(void);\nconst char *middle(void) { return word(); }\n";
    scratch.compile("gcc", middle, "deep/libmiddle.so", &["-shared", "-fPIC", "-Ldeep", "-lword"]);
    let say = scratch.compile(
        "gcc",
        &SAY.replace("word", "middle"),
        "say",
        &["-Ldeep", "-lmiddle", "-Wl,--disable-new-dtags,-rpath,$ORIGIN/deep", "-Wl,-rpath-link,deep"],
    );
    scratch.init(&[&say]).unwrap();
    assert_eq!(scratch.run(&[&say]), "hello\n");
}

#[test]
fn static_program_comes_alone() {
    let scratch = Scratch::new();
    let source = "#include <stdio.h>\nint main(void) { puts(\"static\"); return 0; }\n";
    let program = scratch.compile("gcc", source, "program", &["-static"]);
    scratch.init(&[&program]).unwrap();
    assert_eq!(scratch.run(&[&program]), "static\n");
    let files = scratch.listing().iter().filter(|line| line.contains(" -r")).count();
    assert_eq!(files, 6, "the program and five files in /etc");
}

#[test]
fn musl_program_brings_musls_loader() {
    if Command::new("musl-gcc").arg("--version").output().is_err() {
        println!("skipped: musl-gcc is not on this host (Debian's musl-tools has it)");
        assert!(std::env::var_os("CI").is_none(), "CI can install it");
        return;
    }
    let scratch = Scratch::new();
    scratch.compile("musl-gcc", WORD, "lib/libword.so", &["-shared", "-fPIC"]);
    let say = scratch.compile("musl-gcc", SAY, "say", &["-Llib", "-lword", "-Wl,-rpath,$ORIGIN/lib"]);
    scratch.init(&[&say]).unwrap();
    assert_eq!(scratch.run(&[&say]), "hello\n");
    let glibc = scratch.listing().iter().any(|line| line.contains("ld-linux"));
    assert!(!glibc, "musl needs nothing of glibc");
}

/// Uses a library that only the loader's index leads to. Runs in the root of another test.
#[test]
fn library_of_the_index_is_found_through_the_index() {
    if let Some(program) = inner() {
        let root = Path::new("/tmp/inner");
        newroot_roots::init(root, slice::from_ref(&program), &Options::default(), &mut ()).unwrap();
        let expect_hello = |program: &OsStr| {
            let output = Command::new("chroot").arg(root).arg(program).output().unwrap();
            assert_eq!(output.stdout, b"hello\n", "{output:?}");
        };
        expect_hello(&program);
        // The index is extended, not replaced, so the second program finds its library, too.
        let second = OsString::from("/opt/second");
        newroot_roots::add(root, slice::from_ref(&second), &Options::default(), &mut ()).unwrap();
        expect_hello(&second);
        expect_hello(&program);
        return;
    }
    let scratch = Scratch::new();
    // A host made by this test, whose ld.so.conf names a directory.
    let host = scratch.root();
    let this = std::env::current_exe().unwrap();
    let mut programs: Vec<OsString> = ["sh", "chroot"].map(Into::into).to_vec();
    programs.push(this.clone().into());
    newroot_roots::init(&host, &programs, &Options::default(), &mut ()).unwrap();
    for (library, program) in [("word", "first"), ("other", "second")] {
        let file = format!("root/opt/lib/lib{library}.so");
        let soname = format!("-Wl,-soname,lib{library}.so");
        scratch.compile("gcc", WORD, &file, &["-shared", "-fPIC", &soname]);
        let link = format!("-l{library}");
        scratch.compile("gcc", SAY, &format!("root/opt/{program}"), &["-Lroot/opt/lib", &link]);
    }
    fs::write(host.join("etc/ld.so.conf"), "/opt/lib\n").unwrap();
    let status = Command::new("/sbin/ldconfig").arg("-r").arg(&host).status().expect("ldconfig runs");
    assert!(status.success());
    let output = again(
        entering(&host),
        &this,
        "library_of_the_index_is_found_through_the_index",
        OsStr::new("/opt/first"),
    )
    .output()
    .unwrap();
    expect_one_passed(&output);
}

#[test]
fn directory_comes_whole_with_the_libraries_of_its_modules() {
    let scratch = Scratch::new();
    scratch.compile("gcc", WORD, "libs/libword.so", &["-shared", "-fPIC"]);
    let module = "extern const char *word(void);\nconst char *show(void) { return word(); }\n";
    scratch.compile(
        "gcc",
        module,
        "plugins/module.so",
        &["-shared", "-fPIC", "-Llibs", "-lword", "-Wl,-rpath,$ORIGIN/../libs"],
    );
    fs::write(scratch.path("plugins/readme"), "text").unwrap();
    symlink("nowhere", scratch.path("plugins/dangling")).unwrap();
    scratch.init(&[&scratch.path("plugins")]).unwrap();
    let inside = |path: &str| scratch.root().join(scratch.path(path).strip_prefix("/").unwrap());
    assert_eq!(fs::read(inside("plugins/readme")).unwrap(), b"text");
    assert!(inside("plugins/module.so").is_file());
    assert!(inside("plugins/../libs/libword.so").is_file());
    assert_eq!(fs::read_link(inside("plugins/dangling")).unwrap(), Path::new("nowhere"));
}

#[test]
fn missing_library_is_a_warning() {
    let scratch = Scratch::new();
    let library = scratch.compile("gcc", WORD, "libword.so", &["-shared", "-fPIC"]);
    let say = scratch.compile("gcc", SAY, "say", &["-L.", "-lword"]);
    fs::remove_file(library).unwrap();
    let mut listener = Listener::default();
    newroot_roots::init(&scratch.root(), &[say.clone().into()], &Options::default(), &mut listener).unwrap();
    let warnings: Vec<_> = listener.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, [format!("cannot find library 'libword.so', which '{}' needs", say.display())]);
}

#[test]
fn progress_goes_from_nothing_to_all() {
    let scratch = Scratch::new();
    let mut listener = Listener::default();
    newroot_roots::init(&scratch.root(), &["cat".into()], &Options::default(), &mut listener).unwrap();
    let total = listener.steps[0].1;
    let expected: Vec<_> = (0..=total).map(|done| (done, total)).collect();
    assert_eq!(listener.steps, expected);
    assert!(total > 3, "cat, its loader, its library, the skeleton");
}
