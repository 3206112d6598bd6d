use super::*;

/// Returns the sections that apply to a program or library of this name, with what their `*`
/// matches.
fn sections_of(subject: Subject, name: &str) -> Vec<(Section<'static>, Vec<u8>)> {
    let (sections, _) = list::parse(LIST);
    let path = Path::new("/no/such/directory").join(name);
    sections
        .into_iter()
        .filter_map(|section| {
            let star = applies(&section, subject, &path, &mut None)?;
            Some((section, star))
        })
        .collect()
}

/// Checks that the list brings each of `paths` for the file at `path`, where the program itself
/// answers with `answers`.
fn check(subject: Subject, path: &str, answers: &[(&str, &str)], paths: &[&str]) {
    let options = Options::default();
    let path = Path::new(path);
    let name = path.file_name().unwrap().to_str().unwrap();
    let mut patterns = Vec::new();
    for (section, star) in sections_of(subject, name) {
        let mut need = Need::new(path, path, star, &options);
        for (variable, value) in answers {
            need.set(variable, Some(value.as_bytes().to_vec()));
        }
        for line in &section.lines {
            if let Line::Bring { patterns: texts, .. } = line {
                patterns.extend(texts.iter().flat_map(|text| pattern::expand(text, &need.variables)));
            }
        }
    }
    for wanted in paths {
        let is_brought = patterns.iter().any(|pattern| {
            // A directory brings everything in it.
            Path::new(wanted).ancestors().any(|above| is_match(pattern, above))
        });
        assert!(is_brought, "{wanted} isn't brought for {}", path.display());
    }
}

fn is_match(pattern: &[u8], path: &Path) -> bool {
    let split = |bytes: &[u8]| -> Vec<Vec<u8>> {
        bytes.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).map(<[u8]>::to_vec).collect()
    };
    let (pattern, path) = (split(pattern), split(path.as_os_str().as_bytes()));
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(pattern, name)| pattern::matches(pattern, name).is_some())
}

#[test]
fn every_line_of_the_list_is_understood() {
    let (sections, malformed) = list::parse(LIST);
    assert_eq!(malformed, [0; 0], "lines of needs.list");
    assert!(sections.iter().all(|section| !section.lines.is_empty()));
}

#[test]
fn compilers_of_other_distributions_are_complete() {
    // Debian 13, Fedora, Arch, Alpine.
    for (machine, own, libexec, lib, headers) in [
        (
            "x86_64-linux-gnu",
            "/usr/lib/gcc/x86_64-linux-gnu/14",
            "/usr/libexec/gcc/x86_64-linux-gnu/14",
            "/usr/lib/x86_64-linux-gnu",
            "/usr/include/x86_64-linux-gnu/bits/types.h",
        ),
        (
            "x86_64-redhat-linux",
            "/usr/lib/gcc/x86_64-redhat-linux/15",
            "/usr/libexec/gcc/x86_64-redhat-linux/15",
            "/usr/lib64",
            "/usr/include/bits/types.h",
        ),
        (
            "x86_64-pc-linux-gnu",
            "/usr/lib/gcc/x86_64-pc-linux-gnu/15.1.1",
            "/usr/lib/gcc/x86_64-pc-linux-gnu/15.1.1",
            "/usr/lib",
            "/usr/include/bits/types.h",
        ),
        (
            "x86_64-alpine-linux-musl",
            "/usr/lib/gcc/x86_64-alpine-linux-musl/14.2.0",
            "/usr/libexec/gcc/x86_64-alpine-linux-musl/14.2.0",
            "/usr/lib",
            "/usr/include/bits/alltypes.h",
        ),
    ] {
        let answers = [("machine", machine), ("own", own), ("libexec", libexec), ("lib", lib)];
        let below = |directory: &str, name: &str| format!("{directory}/{name}");
        let wanted = [
            below(libexec, "cc1"),
            below(libexec, "collect2"),
            below(libexec, "lto1"),
            below(libexec, "liblto_plugin.so"),
            below(own, "crtbeginS.o"),
            below(own, "libgcc.a"),
            below(own, "include/stddef.h"),
            below(lib, "crt1.o"),
            below(lib, "Scrt1.o"),
            below(lib, "libc.so"),
            below(lib, "libm.so"),
            "/usr/include/stdio.h".to_owned(),
            "/usr/include/sys/socket.h".to_owned(),
            "/usr/include/linux/limits.h".to_owned(),
            headers.to_owned(),
        ];
        let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
        check(Subject::Program, "/usr/bin/gcc", &answers, &wanted);
        check(Subject::Program, &format!("/usr/bin/{machine}-gcc-15"), &answers, &wanted);
    }
    let answers = [("machine", "x86_64-redhat-linux"), ("version", "15")];
    check(Subject::Program, "/usr/bin/g++", &answers, &["/usr/include/c++/15/vector"]);
    check(
        Subject::Program,
        "/usr/bin/g++-14",
        &[("machine", "x86_64-linux-gnu"), ("version", "14")],
        &["/usr/include/c++/14/vector", "/usr/include/x86_64-linux-gnu/c++/14/bits/c++config.h"],
    );
}

#[test]
fn tools_that_only_sound_like_a_compiler_are_not_asked() {
    for name in ["gcc-ar", "gcc-nm", "x86_64-linux-gnu-gcc-ranlib-12", "clang-format", "clang-tidy-19"] {
        assert!(sections_of(Subject::Program, name).is_empty(), "{name}");
    }
}

#[test]
fn certificates_are_found_wherever_a_distribution_keeps_them() {
    let paths = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/ssl/cert.pem",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ca-certificates/extracted/tls-ca-bundle.pem",
        "/var/lib/ca-certificates/ca-bundle.pem",
    ];
    for library in ["libssl.so.3", "libgnutls.so.30", "libssl.so"] {
        check(Subject::Library, &format!("/usr/lib64/{library}"), &[], &paths);
    }
    check(Subject::Library, "/usr/lib64/libp11-kit.so.0", &[], &["/usr/lib64/pkcs11/p11-kit-trust.so"]);
}

#[test]
fn other_programs_of_other_distributions_are_complete() {
    let program = |path: &str, wanted: &[&str]| check(Subject::Program, path, &[], wanted);
    let library = |path: &str, wanted: &[&str]| check(Subject::Library, path, &[], wanted);
    program("/usr/bin/python3.13", &["/usr/lib/python3.13/os.py", "/usr/lib64/python3.13/os.py"]);
    library("/usr/lib64/libpython3.12.so.1.0", &["/usr/lib64/python3.12/os.py"]);
    library("/usr/lib/x86_64-linux-gnu/libpython3.11.so.1.0", &["/usr/lib/python3.11/os.py"]);
    program("/opt/git/bin/git", &["/opt/git/share/git-core/templates/description"]);
    program("/usr/bin/vim.basic", &["/usr/share/vim/vim91/defaults.vim", "/etc/vim/vimrc"]);
    program("/usr/bin/vi", &["/etc/virc"]);
    program("/usr/bin/ssh", &["/etc/ssh/ssh_config", "/etc/ssh/ssh_config.d/50-redhat.conf"]);
    program(
        "/usr/bin/zsh",
        &["/usr/lib/x86_64-linux-gnu/zsh/5.9/zsh/zle.so", "/usr/lib64/zsh/5.9/zsh/zle.so"],
    );
    program("/usr/bin/tclsh8.6", &["/usr/share/tcltk/tcl8.6/init.tcl", "/usr/share/tcl8.6/init.tcl"]);
    for directory in ["/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo"] {
        library("/lib/libtinfo.so.6", &[&format!("{directory}/x/xterm-256color")]);
    }
    library("/lib64/libc.so.6", &["/usr/lib/locale/C.utf8/LC_CTYPE", "/usr/lib/locale/locale-archive"]);
}

#[test]
fn locale_is_named_as_its_directory_is() {
    for (value, directory) in [
        ("en_US.UTF-8", "en_US.utf8"),
        ("de_DE.ISO-8859-15@euro", "de_DE.iso885915@euro"),
        ("sr_RS@latin", "sr_RS@latin"),
        ("C", "C"),
    ] {
        assert_eq!(directory_of_locale(value.as_bytes()).as_deref(), Some(directory.as_bytes()), "{value}");
    }
    assert_eq!(directory_of_locale(b".."), None);
}

/// TERM=.. would bring every terminal description of the host.
#[test]
fn variables_name_one_entry_of_a_directory() {
    for value in ["", ".", "..", "a/b", "/"] {
        assert!(!is_file_name(value.as_bytes()), "{value}");
    }
    for value in ["xterm-256color", "...", ".x"] {
        assert!(is_file_name(value.as_bytes()), "{value}");
    }
}
