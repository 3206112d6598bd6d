//! Roots and mounts of a session with fake root. An ordinary user's guest changes them in fake
//! root; real root does the same in a real chroot, in a mount namespace of its own. Both print the
//! same.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use newroot_testkit::{Bed, Enter, Outcome, User, own, run, skip, teller};

/// A root with busybox, and within it a smaller root, `/jail`.
struct TestEnv {
    bed: Bed,
}

impl TestEnv {
    fn new(test: &str) -> Option<Self> {
        let bed = newroot_testkit::bed!();
        for (name, user) in [("real", User::ROOT), ("fake", User::ordinary())] {
            if User::we_are_root() || name == "fake" {
                furnish(&bed.busybox_root_or_skip(test, name, User::ordinary())?, &bed, user);
            }
        }
        Some(Self { bed })
    }

    /// Runs a command as an ordinary user's fake root.
    fn faked(&self, words: &[&str]) -> Outcome {
        run(&mut self.fake_command(words))
    }

    fn fake_command(&self, words: &[&str]) -> Command {
        let world = self.bed.enter().cwd(self.bed.scratch()).user(User::ordinary());
        let mut newroot = world.command(&self.bed.program("newroot"));
        // As in the real chroot, the directory that holds the root can be reached from within.
        newroot
            .args(["run", "--engine=trap", "--root", "-b", "/tmp", "--workdir=/", "fake", "--"])
            .args(words);
        newroot
    }

    /// Runs a command as real root in a real chroot.
    fn real(&self, words: &[&str]) -> Outcome {
        let root = self.bed.scratch().join("real");
        let mut world: Enter = self.bed.enter().mounts().bind(&root, &root);
        for name in ["proc", "dev/null"] {
            world = world.bind(&Path::new("/").join(name), &root.join(name));
        }
        run(world.root(&root).command(Path::new(words[0])).args(&words[1..]))
    }

    /// Checks that fake root and real root print the same.
    #[track_caller]
    fn check(&self, test: &str, words: &[&str]) {
        let faked = self.faked(words);
        if !User::we_are_root() {
            return skip(test, "only root can run the real chroot");
        }
        let real = self.real(words);
        assert_eq!(faked.facts(), real.facts(), "{}", faked.stderr());
        assert!(!real.stdout().is_empty(), "{}", real.stderr());
    }

    #[track_caller]
    fn check_script(&self, test: &str, script: &str) {
        self.check(test, &["/bin/sh", "-c", script]);
    }
}

fn furnish(root: &Path, bed: &Bed, user: User) {
    let jail = root.join("jail");
    for name in
        ["proc", "dev", "sys", "tmp", "mnt", "srv", "opt", "jail/deep/bottom", "jail/bin", "jail/proc"]
    {
        let path = root.join(name);
        if name.ends_with("bottom") {
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, "bottom").expect("a file");
        } else {
            fs::create_dir_all(path).expect("a directory");
        }
    }
    fs::write(root.join("dev/null"), "").expect("a file");
    fs::write(jail.join("inside"), "inside").expect("a file");
    symlink("/inside", jail.join("link")).expect("a link");
    let source = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fake_root/mounts/places.c");
    let places = bed.program_of(&source);
    for to in [root.join("places"), jail.join("places")] {
        fs::copy(&places, to).expect("the program");
    }
    for applet in ["sh", "echo", "ls", "cat", "chroot", "mkdir"] {
        fs::copy(root.join("bin/busybox"), jail.join("bin").join(applet)).expect("busybox");
    }
    // Makes programs of the same name, each of which prints the root that it lies in.
    fs::create_dir(root.join("lib")).expect("a directory");
    fs::create_dir(jail.join("lib")).expect("a directory");
    for (place, label) in [(root, "OUTER"), (&jail, "INNER")] {
        for (name, text, interpreter) in [
            ("bin/teller", "", None),
            ("lib/loader", " loader", None),
            ("bin/loaded", "", Some("/lib/loader")),
        ] {
            install(&place.join(name), &teller(&format!("{label}{text}\n"), interpreter));
        }
        install(&place.join("bin/script"), b"#!/bin/teller\n");
    }
    install(&jail.join("bin/only"), &teller("INNER only\n", None));
    own(root, user);
}

fn install(path: &Path, bytes: &[u8]) {
    fs::write(path, bytes).expect("a program");
    fs::set_permissions(path, Permissions::from_mode(0o755)).expect("its mode");
}

#[test]
fn a_root_is_changed_as_the_kernel_changes_it() {
    const NAME: &str = "a_root_is_changed_as_the_kernel_changes_it";
    let Some(place) = TestEnv::new(NAME) else { return };
    place.check(NAME, &["/places", "roots"]);
}

#[test]
fn programs_are_executed_from_the_root_that_chroot_made() {
    const NAME: &str = "programs_are_executed_from_the_root_that_chroot_made";
    let Some(place) = TestEnv::new(NAME) else { return };
    let script = "for name in teller only script loaded; do /bin/$name; chroot /jail /bin/$name; done 2>&1; \
                  chroot /jail /bin/sh -c '/bin/teller; cd bin; ./loaded; PATH=/bin; script; exec only'; \
                  chroot /jail /bin/chroot / /bin/script; chroot /jail/bin/.. /bin/loaded; \
                  ln -s jail/bin /names; chroot /names /only; chroot /names /script || echo $?";
    place.check_script(NAME, &script.replace("2>&1", "2>/dev/null"));
}

#[test]
fn programs_are_executed_from_mounts() {
    const NAME: &str = "programs_are_executed_from_mounts";
    let Some(place) = TestEnv::new(NAME) else { return };
    let script = "mount --bind /jail/bin/teller /bin/teller; teller; script; loaded; \
                  mount --bind /jail/lib /lib; loaded; umount /lib; loaded; \
                  mount --bind /jail/bin /mnt; /mnt/only; /mnt/loaded; \
                  mount -t tmpfs none /srv; cp /jail/bin/only /srv; /srv/only; umount /srv; /srv/only || echo $?; \
                  umount /bin/teller; teller; script; \
                  unshare -m sh -c 'mount --bind /jail/bin /bin; /bin/busybox; echo $?; /bin/teller; exec /bin/script'; \
                  unshare -m sh -c 'mount --bind /jail/lib /lib; loaded; chroot /jail /bin/loaded'; loaded; \
                  unshare -m sh -c 'mount --bind /jail /opt; chroot /opt /bin/sh -c \"only; exec loaded\"'";
    place.check_script(NAME, script);
}

#[test]
fn a_newroot_within_a_fake_root_executes_programs_of_its_own_root() {
    let Some(place) = TestEnv::new("a_newroot_within_a_fake_root_executes_programs_of_its_own_root") else {
        return;
    };
    fs::copy(place.bed.program("newroot"), place.bed.scratch().join("fake/newroot")).expect("newroot");
    for inner in [
        "/newroot chroot /jail",
        "/newroot run --engine=trap --root /jail --",
        "/newroot run --engine=trap /jail",
    ] {
        for (name, text) in [
            ("teller", "INNER\n"),
            ("script", "INNER\n"),
            ("loaded", "INNER loader\n"),
            ("only", "INNER only\n"),
        ] {
            for after in ["", "mount --bind /opt /srv; unshare -m "] {
                let script = format!("{after} {inner} /bin/{name}; /bin/teller");
                let outcome = place.faked(&["/bin/sh", "-c", &script]);
                assert_eq!(outcome.stdout(), format!("{text}OUTER\n"), "{script}: {}", outcome.stderr());
            }
        }
    }
}

#[test]
fn bindings_come_and_go() {
    const NAME: &str = "bindings_come_and_go";
    let Some(place) = TestEnv::new(NAME) else { return };
    place.check(NAME, &["/places", "bindings"]);
}

#[test]
fn a_root_is_pivoted_in_a_namespace_of_its_own() {
    const NAME: &str = "a_root_is_pivoted_in_a_namespace_of_its_own";
    let Some(place) = TestEnv::new(NAME) else { return };
    place.check(NAME, &["/places", "pivots"]);
    place.check(NAME, &["/places", "pivots_upon"]);
}

#[test]
fn a_jail_is_set_up_and_taken_down_as_bootstrappers_do() {
    const NAME: &str = "a_jail_is_set_up_and_taken_down_as_bootstrappers_do";
    let Some(place) = TestEnv::new(NAME) else { return };
    let script = "mount -t proc proc /jail/proc && chroot /jail /bin/sh -c 'cat /proc/self/comm; ls -d /proc/self/fd; echo /*'; \
                  cut -d' ' -f5 /proc/self/mountinfo | grep jail;  umount /jail/proc; \
                  echo /jail/proc/*;  umount /jail/proc || echo $?";
    place.check_script(NAME, script);
}

#[test]
fn other_processes_see_a_mount_at_once() {
    const NAME: &str = "other_processes_see_a_mount_at_once";
    let Some(place) = TestEnv::new(NAME) else { return };
    let script = "mkfifo /f /g; (read x < /f; cat /mnt/inside; echo; grep -c ' /mnt ' /proc/self/mountinfo; \
                  cd /srv; umount /mnt; echo > /g; cat new) & mount --bind /jail /mnt; \
                  mount -t tmpfs none /srv; echo new > /srv/new; echo > /f; read x < /g; ls /mnt; wait; \
                  (unshare -m sh -c 'mount --bind /jail /opt; echo /opt/*'); echo /opt/*";
    place.check_script(NAME, script);
}

#[test]
fn mount_points_are_escaped_as_by_the_kernel() {
    const NAME: &str = "mount_points_are_escaped_as_by_the_kernel";
    let Some(place) = TestEnv::new(NAME) else { return };
    let script = r#"
        cd /mnt
        mkdir 'a#b c\d' '\040'
        for name in *; do mount --bind /jail "$name"; done
        cut -d' ' -f5 /proc/self/mountinfo | grep mnt
        grep mnt /proc/self/mounts | cut -d' ' -f2
        grep mnt /proc/self/mountstats | cut -d' ' -f5
        umount 'a#b c\d' && ls
    "#;
    place.check_script(NAME, script);
}

#[test]
fn owners_are_remembered_wherever_a_file_is_seen() {
    const NAME: &str = "owners_are_remembered_wherever_a_file_is_seen";
    let Some(place) = TestEnv::new(NAME) else { return };
    let script = "mount --bind /jail /mnt; mount -t tmpfs none /srv; touch /mnt/a /srv/b; \
                  chown 12:34 /mnt/a /srv/b; chroot /jail /bin/sh -c 'mkdir /d; ls -ln /a'; chown 7:8 /jail/d; \
                  stat -c '%n %u:%g' /jail/a /mnt/a /mnt/d /srv/b; umount /srv";
    let script = script.replace("ls -ln /a", "ls -ln /a | { read a b c d rest; echo $a $c $d; }");
    place.check_script(NAME, &script);
}

/// The host's user may not search such a directory; root in the guest may.
#[test]
fn root_mounts_below_a_closed_directory() {
    const NAME: &str = "root_mounts_below_a_closed_directory";
    let Some(place) = TestEnv::new(NAME) else { return };
    let below_closed =
        "mount --bind /jail /closed/in && cat /closed/in/inside; umount /closed/in; ls /closed/in";
    let from_closed = "mount --bind /closed/in /mnt && ls /mnt; umount /mnt; ls /mnt; echo end";
    for script in [below_closed, from_closed] {
        for (root, user) in [("fake", User::ordinary()), ("real", User::ROOT)] {
            let root = place.bed.scratch().join(root);
            if root.exists() {
                let closed = root.join("closed");
                fs::create_dir_all(closed.join("in")).expect("directories");
                fs::write(closed.join("in/file"), "").expect("a file");
                own(&closed, user);
                fs::set_permissions(&closed, Permissions::from_mode(0o000)).expect("a mode");
            }
        }
        place.check_script(NAME, script);
    }
}

#[test]
fn a_session_survives_a_process_killed_while_mounting() {
    let Some(place) = TestEnv::new("a_session_survives_a_process_killed_while_mounting") else { return };
    let script = "i=0; while [ $i -lt 25 ]; do (while :; do mount --bind /jail /mnt; umount /mnt; done) 2> /dev/null & \
                  loop=$!; usleep 20000; kill -9 $loop; wait $loop 2> /dev/null; i=$((i+1)); done; \
                  while umount /mnt 2> /dev/null; do :; done; mount --bind /jail /mnt && cat /mnt/inside && umount /mnt \
                  && echo /mnt/*";
    let outcome = place.faked(&["/bin/sh", "-c", script]);
    assert_eq!(outcome.stdout(), "inside/mnt/*\n", "{}", outcome.stderr());
}

#[test]
fn mounting_all_day_fills_nothing() {
    let Some(place) = TestEnv::new("mounting_all_day_fills_nothing") else { return };
    let script = "i=0; while [ $i -lt 300 ]; do mount --bind /jail /mnt; mount -t tmpfs none /srv; \
                  mount --bind /jail /opt; umount /mnt; umount /srv; umount /opt; i=$((i+1)); \
                  if [ $i = 1 ]; then set -- $(od -An -t u4 -j 4 -N 4 /proc/self/fd/9); fi; done 9< /session; \
                  set -- $1 $(od -An -t u4 -j 4 -N 4 /session); [ $2 -lt 98304 ] && echo steady || echo $1 $2";
    // The session's file is hidden from the guest; this other name leads to it.
    let mut command =
        place.fake_command(&["/bin/sh", "-c", &format!("while [ ! -e /session ]; do :; done; {script}")]);
    let child = command.stdout(std::process::Stdio::piped()).spawn().expect("newroot");
    let root = place.bed.scratch().join("fake");
    let file = loop {
        let found = fs::read_dir(root.join(".newroot/sessions")).ok().and_then(|mut entries| entries.next());
        if let Some(Ok(entry)) = found {
            break entry.path();
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    fs::hard_link(file, root.join("session")).expect("another name");
    let output = child.wait_with_output().expect("its output");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "steady\n");
}

#[test]
fn a_fake_root_within_a_fake_root_is_the_same_one() {
    let Some(place) = TestEnv::new("a_fake_root_within_a_fake_root_is_the_same_one") else { return };
    fs::copy(place.bed.program("newroot"), place.bed.scratch().join("fake/newroot")).expect("newroot");
    let script = "/newroot run --engine=trap --root /jail -- /bin/sh -c 'echo x > /made; mkdir /mine; ls -n /made' \
                  | { read a b c d rest; echo $a $c $d; }; chown 3:4 /jail/made; \
                  /newroot run --engine=trap --root /jail -- /bin/ls -n /made | { read a b c d rest; echo $c $d; }";
    let outcome = place.faked(&["/bin/sh", "-c", script]);
    assert_eq!(outcome.stdout(), "-rw-r--r-- 0 0\n3 4\n", "{}", outcome.stderr());
}

#[test]
fn a_fake_root_begins_within_a_session_without_one() {
    let Some(place) = TestEnv::new("a_fake_root_begins_within_a_session_without_one") else { return };
    fs::copy(place.bed.program("newroot"), place.bed.scratch().join("fake/newroot")).expect("newroot");
    let world = place.bed.enter().cwd(place.bed.scratch()).user(User::ordinary());
    let check = |script: &str, expected: &str| {
        let mut newroot = world.command(&place.bed.program("newroot"));
        newroot.args(["run", "--engine=trap", "--workdir=/", "-b", "fake/srv:/bound", "fake", "--"]);
        let outcome = run(newroot.args(["/bin/sh", "-c", script]));
        assert_eq!(outcome.stdout(), expected, "{script}: {}", outcome.stderr());
    };
    let inside = "id -u; echo x > /made; chown 3:4 /made; mkdir /node && mknod /node/null c 1 3 && ls -ln /made /node/null \
                  | while read a b c d rest; do echo $a $c $d; done; mount --bind /jail /mnt && cat /mnt/inside; echo; \
                  chroot /jail /bin/teller; chown 5:6 /bound && echo forgotten";
    let shown = "0\n-rw-r--r-- 3 4\ncrw-r--r-- 0 0\ninside\nINNER\nforgotten\n";
    // The outer session continues as it was.
    let after = "; id -u | grep -vx 0 > /dev/null && echo ordinary; chown 7:8 /made 2> /dev/null || echo refused; \
                 mount --bind /jail /mnt 2> /dev/null || echo refused; cat /mnt/inside 2> /dev/null || echo nothing";
    let ordinary = "ordinary\nrefused\nrefused\nnothing\n";
    for inner in ["/newroot run --engine=trap --root -b /bound / --", "/newroot proot -0 -b /bound -r /"] {
        for (depth, between) in
            ["", "/newroot proot -r / ", "/newroot proot -r / /newroot proot -r / -b /opt "]
                .iter()
                .enumerate()
        {
            check(
                &format!(
                    "{between}{inner} /bin/sh -c '{inside}; rm -r /made /node'; echo x > /made{after}; rm /made"
                ),
                &format!("{shown}{ordinary}"),
            );
            // Sessions within it, at any depth, belong to the same session.
            let more = "/newroot proot -0 -r /jail -b /newroot /newroot proot -r / /bin/sh -c \"id -u\"";
            let device = "test -e /null || mknod /null c 1 3";
            check(&format!("{between}{inner} /bin/sh -c 'chown 9:9 /jail/deep; {device}; {more}'"), "0\n");
            // The inner session reads the records that the outer one has made, in the file's
            // attributes and beside it.
            check(
                &format!(
                    "{between}{inner} /bin/sh -c 'ls -ldn /jail/deep | {{ read a b c d rest; echo $c $d; }}; \
                     test -c /null && echo device; test -e /.newroot || echo hidden; exit {depth}'; echo $?"
                ),
                &format!("9 9\ndevice\nhidden\n{depth}\n"),
            );
        }
    }
    // A session that fails to start changes nothing.
    check(
        "/newroot proot -0 -r / /bin/nothing 2> /dev/null; echo $?; id -u | grep -vx 0 > /dev/null && echo ordinary",
        "127\nordinary\n",
    );
}

#[test]
fn a_namespace_of_users_is_refused_with_or_without_one_of_mounts() {
    let Some(place) = TestEnv::new("a_namespace_of_users_is_refused_with_or_without_one_of_mounts") else {
        return;
    };
    let script = "unshare -U true || echo no; unshare -U -m true || echo no; unshare -m echo yes";
    let outcome = place.faked(&["/bin/sh", "-c", script]);
    assert_eq!(outcome.stdout(), "no\nno\nyes\n", "{}", outcome.stderr());
}

#[test]
fn namespaces_are_unshared() {
    const NAME: &str = "namespaces_are_unshared";
    let Some(place) = TestEnv::new(NAME) else { return };
    place.check(NAME, &["/places", "namespaces"]);
}

#[test]
fn commands_run_in_namespaces_of_their_own() {
    const NAME: &str = "commands_run_in_namespaces_of_their_own";
    let Some(place) = TestEnv::new(NAME) else { return };
    let script = "name=$(hostname); unshare -u sh -c 'hostname inner; hostname; cat /proc/sys/kernel/hostname'; \
                  [ $(hostname) = $name ] && echo kept; unshare -u hostname | grep -c \"^$name$\"; \
                  unshare -p -i -f sh -c 'echo child; exit 7'; echo $?; \
                  unshare -p -m -f --mount-proc sh -c 'cat /proc/self/comm; chroot /jail /bin/echo done'";
    place.check_script(NAME, script);
}

#[test]
fn namespaces_that_isolate_are_refused() {
    let Some(place) = TestEnv::new("namespaces_that_isolate_are_refused") else { return };
    let script = "unshare -n true || echo no; unshare -n -u true || echo no; unshare -n -u sh -c 'hostname x'; \
                  [ $(hostname) = x ] || echo unchanged";
    let outcome = place.faked(&["/bin/sh", "-c", script]);
    assert_eq!(outcome.stdout(), "no\nno\nunchanged\n", "{}", outcome.stderr());
}

#[test]
fn procfs_shows_the_type_and_the_source_that_were_given() {
    const NAME: &str = "procfs_shows_the_type_and_the_source_that_were_given";
    let Some(place) = TestEnv::new(NAME) else { return };
    let script = "shown() { grep \" $1 \" /proc/self/mounts | cut -d' ' -f1-3; \
                  grep \" $1 \" /proc/self/mountinfo | sed 's/.* - //' | cut -d' ' -f1,2; }; \
                  mount -t sysfs s /srv; shown /srv; mount -t tmpfs 'a b#c' /mnt; shown /mnt; \
                  mount --bind /srv /opt; shown /opt; umount /opt; \
                  mount -t proc none /opt; mount --move /opt /jail/proc; shown /jail/proc; umount /srv; shown /srv";
    place.check_script(NAME, script);
}

/// Returns commands for fake root and real root with host mounts below a binding: a directory and a
/// file system in memory. For real root they are mounted below the same directory of its root, as a
/// recursive binding has them.
fn with_mounts_below(place: &TestEnv, nested: Option<&str>) -> (Command, Command) {
    let scratch = place.bed.scratch();
    let [host, real] = [scratch.join("host"), scratch.join("real")];
    for name in ["sub", "deep/er"] {
        fs::create_dir_all(host.join(name)).expect("a directory");
    }
    fs::create_dir_all(real.join("jail/mnt")).expect("a mount point");
    let below = |world: Enter, at: &Path| {
        let world = world.bind(&real.join("jail"), &at.join("sub")).tmpfs("mode=1777", &at.join("deep"));
        match nested {
            Some(nested) => world.tmpfs("mode=1777", &at.join(nested)),
            None => world,
        }
    };
    let world = below(place.bed.enter().mounts(), &host).cwd(scratch).user(User::ordinary());
    let mut fake = world.command(&place.bed.program("newroot"));
    fake.args([
        "run",
        "--engine=trap",
        "--root",
        "--workdir=/",
        "-b",
        "host:/opt",
        "fake",
        "--",
        "/bin/sh",
        "-c",
    ]);
    let world = place.bed.enter().mounts().bind(&real, &real).bind(Path::new("/proc"), &real.join("proc"));
    let world = below(world.bind(&host, &real.join("opt")), &real.join("opt"));
    let mut native = world.root(&real).command(Path::new("/bin/sh"));
    native.arg("-c");
    (fake, native)
}

#[test]
fn host_mounts_below_a_binding_are_shown() {
    const NAME: &str = "host_mounts_below_a_binding_are_shown";
    if !User::we_are_root() {
        return skip(NAME, "only root can mount something below a binding");
    }
    let Some(place) = TestEnv::new(NAME) else { return };
    let script = "exec 2> /dev/null; points() { cut -d' ' -f5 /proc/self/mountinfo | grep ^/$1 | sort; }; points opt; \
                  mount --bind /opt /srv; echo plain; points srv; umount /srv; echo $?; \
                  mount --rbind /opt /srv; echo all; points srv; umount /srv || echo busy; \
                  umount /srv/sub; echo $?; umount /srv/sub || echo again; umount /srv/deep; umount /srv; echo $?; points srv; \
                  mount --rbind /opt /srv; mount --rbind /srv /mnt; echo twice; points mnt; umount -l /mnt; points mnt; \
                  umount -l /srv; mount --bind /opt /srv; mount --rbind /srv /mnt; echo none; points mnt; umount /mnt; \
                  umount /srv; ls /opt/sub | grep inside; umount /opt/sub; echo $?; ls -A /opt/sub; points opt; \
                  umount /opt/sub || echo again; mount --make-private /opt/deep; echo $?; \
                  mount -o remount,ro,bind none /opt/deep; echo > /opt/deep/x || echo read-only; \
                  mount -o remount,rw,bind none /opt/deep; echo x > /opt/deep/x; \
                  mount --move /opt/deep /srv; cat /srv/x; ls -A /opt/deep/x; points opt; points srv; \
                  umount /opt; echo $?; umount /srv; echo $?; points srv";
    let (mut fake, mut native) = with_mounts_below(&place, None);
    let (faked, real) = (run(fake.arg(script)), run(native.arg(script)));
    assert_eq!(faked.facts(), real.facts(), "{}", faked.stderr());
    assert!(real.stdout().contains("read-only"), "{}", real.stderr());
}

/// The kernel shows mounts on a mount that was changed, and each of them can be unmounted.
#[test]
fn mounts_on_a_host_mount_stay_mounts() {
    const NAME: &str = "mounts_on_a_host_mount_stay_mounts";
    if !User::we_are_root() {
        return skip(NAME, "only root can mount something below a binding");
    }
    let Some(place) = TestEnv::new(NAME) else { return };
    for script in [
        "mount -o remount,ro,bind none /opt/sub; echo $?; points; mount -o remount,ro,bind none /opt/sub/mnt; echo $?; \
         echo > /opt/sub/mnt/x || echo read-only; umount /opt/sub || echo busy; umount /opt/sub/mnt; echo $?; \
         umount /opt/sub; echo $?; points",
        "umount /opt/sub || echo busy; umount /opt/sub/mnt; echo $?; umount /opt/sub; echo $?; points",
    ] {
        let script = format!(
            "exec 2> /dev/null; points() {{ cut -d' ' -f5 /proc/self/mountinfo | grep ^/opt | sort; }}; {script}"
        );
        let (mut fake, mut native) = with_mounts_below(&place, Some("sub/mnt"));
        let (faked, real) = (run(fake.arg(&script)), run(native.arg(&script)));
        assert_eq!(faked.facts(), real.facts(), "{}", faked.stderr());
        assert!(real.stdout().contains("busy"), "{}", real.stderr());
    }
}

/// The kernel locks the mounts that a user namespace came with. For fake root, newroot locks those
/// that the launch made.
#[test]
fn mounts_that_the_launch_made_read_only_stay_so() {
    const NAME: &str = "mounts_that_the_launch_made_read_only_stay_so";
    let Some(place) = TestEnv::new(NAME) else { return };
    let scratch = place.bed.scratch();
    let data = scratch.join("data");
    fs::create_dir_all(data.join("sub")).expect("a directory");
    own(&data, User::ordinary());
    let newroot = |options: &[&str], words: &[&str]| {
        let world = place.bed.enter().cwd(scratch).user(User::ordinary());
        let mut command = world.command(&place.bed.program("newroot"));
        command.args(["run", "--engine=trap", "--root", "--workdir=/"]).args(options);
        run(command.args(["fake", "--"]).args(words))
    };
    let words = ["/bin/sh", "-c", "mount -o remount,rw,bind / && echo changed; echo >/x && echo written"];
    let whole = newroot(&["--read-only"], &words);
    assert_eq!(whole.stdout(), "", "{}", whole.stderr());
    let faked = newroot(&["-b", "data:/srv:ro"], &["/places", "locked"]);
    if !User::we_are_root() {
        return skip(NAME, "only root can mount something read-only for the kernel");
    }
    let root = scratch.join("real");
    own(&data, User::ROOT);
    let world = place.bed.enter().mounts().bind_read_only(&data, &root.join("srv")).cwd(&root);
    let real = run(world.command(&root.join("places")).arg("in_user_namespace"));
    assert_eq!(faked.facts(), real.facts(), "{}", faked.stderr());
    assert!(real.stdout().contains("read-write: EPERM"), "{}", real.stdout());
}

#[test]
fn without_fake_root_nothing_is_granted() {
    let Some(place) = TestEnv::new("without_fake_root_nothing_is_granted") else { return };
    let world = place.bed.enter().cwd(place.bed.scratch()).user(User::ordinary());
    let mut newroot = world.command(&place.bed.program("newroot"));
    let script = "mount --bind /jail /mnt 2> /dev/null || echo no; chroot /jail /bin/ls 2> /dev/null || echo no; \
                  unshare -U true 2> /dev/null || echo no; unshare -U -m true 2> /dev/null || echo no";
    newroot.args(["run", "--engine=trap", "-b", "fake/jail:/opt", "fake", "--", "/bin/sh", "-c", script]);
    let outcome = run(&mut newroot);
    assert_eq!(outcome.stdout(), "no\nno\nno\nno\n", "{}", outcome.stderr());
}

#[test]
fn a_program_cannot_bind_its_own_file_and_so_copies_itself_to_memory() {
    let Some(place) = TestEnv::new("a_program_cannot_bind_its_own_file_and_so_copies_itself_to_memory")
    else {
        return;
    };
    let script = "touch /mnt/here; mount --bind /proc/self/exe /mnt/here 2> /dev/null || echo no; \
                  mount --bind /proc/$$/exe /mnt/here 2> /dev/null || echo no; \
                  mount --bind /bin/busybox /mnt/here && umount /mnt/here && echo yes";
    let outcome = place.faked(&["/bin/sh", "-c", script]);
    assert_eq!(outcome.stdout(), "no\nno\nyes\n", "{}", outcome.stderr());
}

/// A chroot doesn't keep the user from joining one of their own namespaces, in which they have
/// every capability.
#[test]
fn a_namespace_of_users_outside_is_not_joined() {
    const NAME: &str = "a_namespace_of_users_outside_is_not_joined";
    let Some(place) = TestEnv::new(NAME) else { return };
    let world = place.bed.enter().cwd(place.bed.scratch()).user(User::ordinary());
    let mut unshare = world.command(Path::new("/usr/bin/unshare"));
    let mut outside = unshare.args(["--user", "--map-root-user", "sleep", "60"]).spawn().expect("unshare");
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/user"));
    let process = outside.id().to_string();
    let began = std::time::Instant::now();
    while namespace(&process).ok() == namespace("self").ok() && matches!(outside.try_wait(), Ok(None)) {
        assert!(began.elapsed().as_secs() < 30, "unshare(1) makes no namespace");
        std::thread::yield_now();
    }
    if !matches!(outside.try_wait(), Ok(None)) {
        return skip(NAME, "this host grants no user namespaces");
    }
    let script =
        format!("nsenter -t {process} -U id -u || echo no; nsenter -t {process} -U -m id -u || echo no");
    for kind in [&[][..], &["--root"]] {
        let mut newroot = world.command(&place.bed.program("newroot"));
        newroot.args(["run", "--engine=trap"]).args(kind).args(["fake", "--", "/bin/sh", "-c", &script]);
        let outcome = run(&mut newroot);
        assert_eq!(outcome.stdout(), "no\nno\n", "{kind:?}: {}", outcome.stderr());
        assert!(outcome.stderr().contains("Operation not permitted"), "{}", outcome.stderr());
    }
    outside.kill().expect("it lives");
    outside.wait().expect("its end");
}
