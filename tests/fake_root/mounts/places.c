/* chroot(2), mount(2), umount2(2) and pivot_root(2): prints facts in which real root and fake root
   must agree. The root has /jail with /jail/inside, /jail/deep/bottom, /jail/link -> /inside and this
   program as /jail/places. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

static void say(const char *what, long result)
{
    printf("%s: %s\n", what, result < 0 ? strerrorname_np(errno) : "ok");
    fflush(stdout);
}

/* Runs in a child, because a process can't leave a chroot. */
#define IN_CHILD if (fflush(stdout), fork() ? (wait(NULL), 0) : 1)

static void put(const char *path, const char *text)
{
    int file = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);
    if (file < 0 || write(file, text, strlen(text)) < 0)
        say(path, -1);
    close(file);
}

static void may_write(const char *path)
{
    int file = open(path, O_CREAT | O_WRONLY, 0644);
    say("write", file);
    close(file);
}

static void show(const char *path)
{
    char text[64] = "";
    int file = open(path, O_RDONLY);
    ssize_t len = file < 0 ? -1 : read(file, text, sizeof text - 1);
    printf("%s: %s\n", path, len < 0 ? strerrorname_np(errno) : text);
    close(file);
}

/* Prints the mount points below a path in mountinfo, with their types, sorted by name. */
static void mounts(const char *below)
{
    char command[256];
    snprintf(command, sizeof command,
             "while read -r a b c root point options rest; do case $point in %s*) echo \"$point ${options%%%%,*} "
             "${rest##* - }\";; esac; done < /proc/self/mountinfo | while read -r point access kind rest; do "
             "echo \"$point $access $kind\"; done | sort", below);
    fflush(stdout);
    if (system(command) != 0)
        puts("no shell");
}

static void roots(void)
{
    char cwd[4096];
    say("missing", chroot("/missing"));
    say("file", chroot("/jail/inside"));
    if (vfork() == 0) {
        chroot("/jail");
        _exit(access("/inside", F_OK) == 0 ? 0 : 1);
    }
    int status;
    wait(&status);
    printf("vfork's child %d\n", status);
    say("its parent", access("/jail/inside", F_OK));
    IN_CHILD {
        say("chroot", chroot("/jail"));
        say("inside", access("/inside", F_OK));
        say("link", access("/link", F_OK));
        printf("cwd %.13s\n", syscall(SYS_getcwd, cwd, sizeof cwd) > 0 ? cwd : strerrorname_np(errno));
        say("relative", access("jail/inside", F_OK));
        say("up", chdir(".."));
        say("still outside", access("jail", F_OK));
        say("in", chdir("/deep"));
        puts(getcwd(cwd, sizeof cwd));
        say("above", chdir("../../.."));
        puts(getcwd(cwd, sizeof cwd));
        say("deeper", chroot("deep"));
        say("bottom", access("/bottom", F_OK));
        say("outer", access("/inside", F_OK));
        say("chdir", chdir("/"));
        puts(getcwd(cwd, sizeof cwd));
        _exit(0);
    }
    IN_CHILD {
        /* The textbook's way out. */
        say("chroot", chroot("/jail"));
        say("chdir", chdir("/"));
        say("again", chroot("deep"));
        say("leave", chdir(".."));
        say("leave", chdir(".."));
        say("outside", access("jail", F_OK));
        say("back", chroot("."));
        say("all of it", access("/jail/deep/bottom", F_OK));
        _exit(0);
    }
    IN_CHILD {
        say("setuid", setresuid(1234, 1234, 1234));
        say("chroot", chroot("/jail"));
        say("mount", mount("/jail", "/mnt", NULL, MS_BIND, NULL));
        say("umount", umount2("/proc", MNT_DETACH));
        _exit(0);
    }
    IN_CHILD {
        chroot("/jail");
        chdir("/");
        execl("/places", "places", "executed", NULL);
        say("exec", -1);
        _exit(0);
    }
    say("unmoved", access("/jail/inside", F_OK));
    IN_CHILD {
        /* A root that is no mount point has no line. */
        say("mount", mount("/proc", "/jail/proc", NULL, MS_BIND, NULL));
        say("chroot", chroot("/jail"));
        char text[4096];
        int file = open("/proc/self/mountinfo", O_RDONLY);
        ssize_t len = read(file, text, sizeof text - 1);
        text[len > 0 ? len : 0] = 0;
        printf("line of the root: %s\n", strstr(text, " / / ") ? "yes" : "no");
        printf("line of procfs: %s\n", strstr(text, " /proc ") ? "yes" : "no");
        _exit(0);
    }
    say("off", umount2("/jail/proc", MNT_DETACH));
}

static void bindings(void)
{
    say("no mount", umount2("/jail", 0));
    say("flags", umount2("/jail", 64));
    say("missing", mount("/missing", "/mnt", NULL, MS_BIND, NULL));
    say("file on directory", mount("/jail/inside", "/mnt", NULL, MS_BIND, NULL));
    say("unknown", mount("none", "/mnt", "nosuchfs", 0, NULL));
    say("private", mount(NULL, "/jail", NULL, MS_PRIVATE, NULL));
    say("bind", mount("/jail", "/mnt", NULL, MS_BIND, NULL));
    show("/mnt/inside");
    say("file", mount("/mnt/inside", "/jail/deep/bottom", NULL, MS_BIND, NULL));
    show("/jail/deep/bottom");
    mounts("/mnt");
    mounts("/jail");
    say("unlink", unlink("/jail/deep/bottom"));
    say("rmdir", rmdir("/mnt"));
    say("tmpfs", mount("none", "/mnt/deep", "tmpfs", 0, "mode=700"));
    struct stat of;
    stat("/mnt/deep", &of);
    printf("mode %o\n", of.st_mode);
    put("/mnt/deep/new", "new");
    show("/mnt/deep/new");
    say("below", access("/jail/deep/new", F_OK));
    mounts("/mnt");
    say("busy", umount2("/mnt", 0));
    say("read-only", mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    may_write("/mnt/other");
    say("read-write", mount(NULL, "/mnt", NULL, MS_REMOUNT | MS_BIND, NULL));
    may_write("/mnt/other");
    say("move", mount("/mnt/deep", "/srv", NULL, MS_MOVE, NULL));
    show("/srv/new");
    say("in itself", mount("/srv", "/srv", NULL, MS_MOVE, NULL));
    mounts("/srv");
    say("recursive", mount("/mnt", "/opt", NULL, MS_BIND | MS_REC, NULL));
    show("/opt/inside");
    say("on top", mount("none", "/opt", "tmpfs", 0, NULL));
    show("/opt/inside");
    say("off", umount2("/opt", 0));
    show("/opt/inside");
    IN_CHILD {
        chroot("/jail");
        chdir("/");
        say("not in sight", umount2("/srv", 0));
        say("root", umount2("/", 0));
        say("in the jail", mount("none", "/deep", "tmpfs", 0, NULL));
        put("/deep/own", "jailed");
        _exit(0);
    }
    show("/jail/deep/own");
    say("off", umount2("/jail/deep", 0));
    say("detached", umount2("/opt", MNT_DETACH));
    say("off", umount2("/srv", 0));
    show("/srv/new");
    say("off", umount2("/jail/deep/bottom", 0));
    show("/jail/deep/bottom");
    say("off", umount2("/mnt", 0));
    say("off", umount2("/mnt", 0));
    mounts("/mnt");
    mounts("/jail");
}

static void pivots(void)
{
    say("unshare", unshare(CLONE_NEWNS));
    say("private", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    say("no mount", syscall(SYS_pivot_root, "/jail", "/jail/deep"));
    say("bind", mount("/jail", "/jail", NULL, MS_BIND, NULL));
    say("outside", syscall(SYS_pivot_root, "/jail", "/mnt"));
    say("chdir", chdir("/"));
    say("pivot", syscall(SYS_pivot_root, "/jail", "/jail/deep"));
    show("/inside");
    say("old", access("/deep/jail/inside", F_OK));
    show("inside");
    say("off", umount2("/deep", MNT_DETACH));
    say("gone", access("/deep/jail", F_OK));
    say("its own", access("/deep/bottom", F_OK));
}

static void host_name(const char *what)
{
    struct utsname known;
    uname(&known);
    printf("%s: %s %s\n", what, known.nodename, known.domainname);
    fflush(stdout);
}

static void namespaces(void)
{
    static const struct {
        const char *name;
        int flag;
    } each[] = {{"mounts", CLONE_NEWNS}, {"processes", CLONE_NEWPID}, {"names", CLONE_NEWUTS},
                {"objects", CLONE_NEWIPC}, {"groups", CLONE_NEWCGROUP}};
    int all = 0;
    for (size_t i = 0; i < sizeof each / sizeof *each; i++) {
        all |= each[i].flag;
        IN_CHILD {
            say(each[i].name, unshare(each[i].flag));
            _exit(0);
        }
        IN_CHILD {
            setresuid(1234, 1234, 1234);
            say("as a user", unshare(each[i].flag));
            _exit(0);
        }
    }
    say("unknown", unshare(CLONE_NEWUTS | 1));
    IN_CHILD {
        setresuid(1234, 1234, 1234);
        say("unknown to a user", unshare(CLONE_NEWUTS | 1));
        _exit(0);
    }
    IN_CHILD {
        say("all", unshare(all | CLONE_FS | CLONE_FILES));
        int status = 0;
        pid_t child = fork();
        if (child == 0)
            _exit(access("/jail/inside", F_OK) == 0 ? 5 : 6);
        waitpid(child, &status, 0);
        printf("its child %d\n", WEXITSTATUS(status));
        fflush(stdout);
        _exit(0);
    }
    IN_CHILD {
        say("names", unshare(CLONE_NEWUTS));
        say("host name", sethostname("outer", 5));
        say("domain name", setdomainname("outer.example", 13));
        host_name("here");
        IN_CHILD {
            say("names", unshare(CLONE_NEWUTS));
            host_name("copied");
            say("host name", sethostname("in", 2));
            host_name("changed");
            IN_CHILD {
                host_name("inherited");
                _exit(0);
            }
            IN_CHILD {
                execl("/places", "places", "named", NULL);
                _exit(1);
            }
            _exit(0);
        }
        host_name("outside");
        IN_CHILD {
            say("host name", sethostname("shared", 6));
            _exit(0);
        }
        host_name("shared");
        show("/proc/sys/kernel/hostname");
        _exit(0);
    }
}

/* The old root is mounted over the new one, and is unmounted from inside. */
static void pivots_upon(void)
{
    say("unshare", unshare(CLONE_NEWNS));
    int old = open("/", O_PATH | O_DIRECTORY);
    say("private", mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    say("bind", mount("/jail", "/jail", NULL, MS_BIND, NULL));
    say("chdir", chdir("/jail"));
    say("pivot", syscall(SYS_pivot_root, ".", "."));
    say("back", fchdir(old));
    say("see it", access("jail/inside", F_OK));
    say("not from the root", access("/jail", F_OK));
    say("slave", mount("", ".", "", MS_SLAVE | MS_REC, NULL));
    IN_CHILD {
        say("setuid", setresuid(1234, 1234, 1234));
        say("private", mount("", ".", "", MS_PRIVATE, NULL));
        say("off", umount2(".", MNT_DETACH));
        _exit(0);
    }
    say("off", umount2(".", MNT_DETACH));
    say("chdir", chdir("/"));
    show("inside");
    show("/inside");
}

/* /srv is a mount that was read-only before this process got its privileges over mounts. The real
   root has got them in a user namespace, and has the root as its working directory. */
static void locked(void)
{
    say("read-only again", mount(NULL, "srv", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    say("read-write", mount(NULL, "srv", NULL, MS_REMOUNT | MS_BIND, NULL));
    may_write("srv/file");
    say("bind", mount("srv", "mnt", NULL, MS_BIND, NULL));
    say("read-write", mount(NULL, "mnt", NULL, MS_REMOUNT | MS_BIND, NULL));
    may_write("mnt/file");
    say("below", mount("srv/sub", "opt", NULL, MS_BIND, NULL));
    say("read-write", mount(NULL, "opt", NULL, MS_REMOUNT | MS_BIND, NULL));
    may_write("opt/file");
    say("off", umount2("mnt", 0));
    say("own", mount("jail", "mnt", NULL, MS_BIND, NULL));
    say("read-only", mount(NULL, "mnt", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
    may_write("mnt/file");
    say("read-write", mount(NULL, "mnt", NULL, MS_REMOUNT | MS_BIND, NULL));
    may_write("mnt/file");
}

static void in_user_namespace(void)
{
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
        say("unshare", -1);
        return;
    }
    put("/proc/self/uid_map", "0 0 1");
    locked();
}

int main(int count, char **words)
{
    const char *what = count > 1 ? words[1] : "";
    if (strcmp(what, "roots") == 0)
        roots();
    else if (strcmp(what, "bindings") == 0)
        bindings();
    else if (strcmp(what, "pivots") == 0)
        pivots();
    else if (strcmp(what, "namespaces") == 0)
        namespaces();
    else if (strcmp(what, "locked") == 0)
        locked();
    else if (strcmp(what, "in_user_namespace") == 0)
        in_user_namespace();
    else if (strcmp(what, "named") == 0)
        host_name("executed");
    else if (strcmp(what, "pivots_upon") == 0)
        pivots_upon();
    else if (strcmp(what, "executed") == 0)
        say("executed", access("/inside", F_OK));
    return 0;
}
