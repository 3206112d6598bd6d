// Each call is made with the first of the shim's own calls failing, then with the second, and so on
// until no call is left to fail: without memory, files or disk space. The guest's call then gives
// an error that the kernel gives for such a call, too, or succeeds as it does otherwise. A failed
// call has changed nothing; it succeeds when it is made again, and no descriptor is left open.
#include "fault.h"
#include <spawn.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#define T "/work/t"

// Whether fake root makes the calls, or another user that root has become.
static bool fake_root, user;
// A child's report.
static struct { volatile int error, failed; } *reported;

// --- The calls. Each returns 0 or the negative errno; wrong answers are printed at once.

#define TRY(expression) do { if ((expression) < 0) return -errno; } while (0)
#define RIGHT(condition, ...) do { if (!(condition)) WRONG(__VA_ARGS__); } while (0)

static int open_file(void) {
    int fd = open("/link/t/d/up", O_RDONLY);
    TRY(fd);
    RIGHT(holds(fd, "text"), "open: another file");
    close(fd);
    return 0;
}

static int open_bound(void) {
    int fd = openat(AT_FDCWD, "/bound/file", O_RDWR);
    TRY(fd);
    RIGHT(holds(fd, "bound"), "open of a bound file: another file");
    close(fd);
    return 0;
}

static int open_new(void) {
    int fd = open("/link/t/new", O_WRONLY | O_CREAT | O_EXCL, 0640);
    TRY(fd);
    close(fd);
    return 0;
}

static int open_unnamed(void) {
    int fd = open("/link/t", O_RDWR | O_TMPFILE, 0600);
    // Some file systems don't support it.
    if (fd < 0 && errno == EOPNOTSUPP) return 0;
    TRY(fd);
    close(fd);
    return 0;
}

static int open_maps(void) {
    char text[64];
    int fd = open("/proc/self/maps", O_RDONLY);
    TRY(fd);
    RIGHT(read(fd, text, sizeof text) > 0, "the map of memory is empty");
    close(fd);
    return 0;
}

static int open_status(void) {
    char text[4096];
    int fd = open("/proc/self/status", O_RDONLY);
    TRY(fd);
    ssize_t n = read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = 0;
    RIGHT(strstr(text, fake_root || user ? "Uid:\t0\t0" : "Uid:\t5"), "another user's status");
    close(fd);
    return 0;
}

static int open_mountinfo(void) {
    int fd = open("/proc/self/mountinfo", O_RDONLY);
    TRY(fd);
    close(fd);
    return 0;
}

static int stat_file(void) {
    struct stat s;
    TRY(stat("/link/t/d/up", &s));
    RIGHT(S_ISREG(s.st_mode) && s.st_size == 4, "stat: another file");
    return 0;
}

static int lstat_link(void) {
    struct stat s;
    TRY(lstat("/link/t/d/up", &s));
    RIGHT(S_ISLNK(s.st_mode), "lstat: no link");
    return 0;
}

static int stat_missing(void) {
    struct stat s;
    RIGHT(stat("/link/t/missing", &s) < 0, "stat: something is there");
    return errno == ENOENT ? 0 : -errno;
}

static int stat_by_statx(void) {
    struct statx s;
    TRY(statx(AT_FDCWD, "/link/t/file", 0, STATX_BASIC_STATS, &s));
    RIGHT(S_ISREG(s.stx_mode) && s.stx_size == 4, "statx: another file");
    return 0;
}

static int ask_for_access(void) {
    TRY(access("/link/t/d/up", R_OK | W_OK));
    return 0;
}

static int open_device(void) {
    struct stat by_path, by_descriptor;
    int fd = open("/link/t/null", O_RDONLY);
    TRY(fd);
    int result = fstat(fd, &by_descriptor) < 0 || stat("/work/t/null", &by_path) < 0 ? -errno : 0;
    close(fd);
    RIGHT(result || by_path.st_ino == by_descriptor.st_ino, "a made device is another by its descriptor");
    return result;
}

static int change_open_device(void) {
    int fd = open("/work/t/null", O_WRONLY);
    TRY(fd);
    int result = fchmod(fd, 0640) < 0 ? -errno : 0;
    close(fd);
    return result;
}

// The first open records where it lies.
static void open_device_first(void) {
    int fd = open("/work/t/null", O_RDONLY);
    NEED(fd);
    close(fd);
}

static int look_at_file_system(void) {
    struct statfs s;
    TRY(statfs("/link/t", &s));
    return 0;
}

static int read_link(void) {
    char text[64];
    ssize_t n = readlink("/link/t/d/up", text, sizeof text);
    TRY(n);
    RIGHT(n == 7 && !memcmp(text, "../file", 7), "readlink: another link");
    return 0;
}

static int read_link_of_exe(void) {
    char text[64];
    ssize_t n = readlink("/proc/self/exe", text, sizeof text);
    TRY(n);
    RIGHT(n == 10 && !memcmp(text, "/bin/calls", 10), "another program");
    return 0;
}

static int read_link_of_descriptor(void) {
    char text[64], name[64];
    int fd = open("/work/t/file", O_RDONLY);
    TRY(fd);
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(name, text, sizeof text);
    int error = errno;
    close(fd);
    if (n < 0) return -error;
    RIGHT(n == 12 && !memcmp(text, "/work/t/file", 12), "another file's name");
    return 0;
}

static int get_cwd(void) {
    char text[64];
    TRY(syscall(SYS_getcwd, text, sizeof text));
    RIGHT(!strcmp(text, T), "getcwd: %s", text);
    return 0;
}

static int change_directory(void) {
    TRY(chdir("/link/t/d"));
    return 0;
}

static void change_directory_back(void) { NEED(chdir(T)); }

static int change_directory_by_descriptor(void) {
    int fd = open("/bound", O_PATH | O_DIRECTORY);
    TRY(fd);
    int result = fchdir(fd), error = errno;
    close(fd);
    return result < 0 ? -error : 0;
}

static int list_directory(const char *path, const char *name) {
    char entries[4096];
    bool found = false;
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    TRY(fd);
    for (;;) {
        long n = syscall(SYS_getdents64, fd, entries, sizeof entries);
        if (n < 0) {
            int error = errno;
            close(fd);
            return -error;
        }
        if (n == 0) break;
        for (long at = 0; at < n;) {
            struct dirent64 *entry = (struct dirent64 *)(entries + at);
            found |= !strcmp(entry->d_name, name);
            at += entry->d_reclen;
        }
    }
    close(fd);
    RIGHT(found, "%s isn't listed in %s", name, path);
    return 0;
}

static int list_root(void) { return list_directory("/", "bound"); }
static int list_above_binding(void) { return list_directory("/made", "by"); }
static int list_own(void) { return list_directory("/link/t", "file"); }

static int make_directory(void) {
    TRY(mkdir("/link/t/new", 0750));
    return 0;
}

static int make_link(void) {
    TRY(symlink("somewhere", "/link/t/new"));
    return 0;
}

static int make_fifo(void) {
    TRY(mknod("/link/t/new", S_IFIFO | 0600, 0));
    return 0;
}

static int make_device(void) {
    TRY(mknod("/link/t/new", S_IFCHR | 0600, makedev(1, 3)));
    return 0;
}

static int give_second_name(void) {
    TRY(link("/link/t/file", "/link/t/new"));
    return 0;
}

static int give_third_name(void) {
    TRY(link("/link/t/two", "/link/t/new"));
    return 0;
}

static int remove_file(void) {
    TRY(unlink("/link/t/file"));
    return 0;
}

static int remove_name(void) {
    TRY(unlink("/link/t/two"));
    return 0;
}

static int remove_device(void) {
    TRY(unlink("/link/t/null"));
    return 0;
}

static int remove_directory(void) {
    TRY(rmdir("/link/t/empty"));
    return 0;
}

static int rename_file(void) {
    TRY(rename("/link/t/file", "/link/t/new"));
    return 0;
}

static int rename_over_name(void) {
    TRY(rename("/link/t/file", "/link/t/two"));
    return 0;
}

static int rename_over_device(void) {
    TRY(rename("/link/t/file", "/link/t/null"));
    return 0;
}

static int exchange(void) {
    TRY(renameat2(AT_FDCWD, "/link/t/two", AT_FDCWD, "/link/t/d", 2));
    return 0;
}

static int change_mode(void) {
    TRY(chmod("/link/t/file", 0400));
    return 0;
}

static int change_mode_to_locked(void) {
    TRY(chmod("/link/t/file", 04111));
    return 0;
}

static int change_owner(void) {
    TRY(chown("/link/t/file", 33, 34));
    return 0;
}

static int change_owner_of_link(void) {
    TRY(lchown("/link/t/d/up", 33, 34));
    return 0;
}

static int change_owner_of_device(void) {
    TRY(chown("/link/t/null", 33, 34));
    return 0;
}

static int change_owner_of_open(void) {
    int fd = open("/work/t/file", O_RDONLY);
    TRY(fd);
    int result = fchown(fd, 33, 34), error = errno;
    close(fd);
    return result < 0 ? -error : 0;
}

static int set_times(void) {
    struct timespec times[2] = {{1, 0}, {2, 0}};
    TRY(utimensat(AT_FDCWD, "/link/t/file", times, 0));
    return 0;
}

static int cut(void) {
    TRY(truncate("/link/t/file", 2));
    return 0;
}

static int set_attribute(void) {
    TRY(setxattr("/link/t/file", "user.x", "1", 1, 0));
    return 0;
}

static int set_capability(void) {
    static const unsigned char value[20] = {1, 0, 0, 2, 0, 4};
    TRY(setxattr("/link/t/file", "security.capability", value, sizeof value, 0));
    return 0;
}

static int get_attribute(void) {
    char value[8];
    ssize_t n = getxattr("/link/t/two", "user.y", value, sizeof value);
    TRY(n);
    RIGHT(n == 2 && !memcmp(value, "of", 2), "another attribute");
    return 0;
}

static int list_attributes(void) {
    char names[64];
    ssize_t n = listxattr("/link/t/two", names, sizeof names);
    TRY(n);
    RIGHT(n == 7 && !strcmp(names, "user.y"), "%zd bytes of attributes", n);
    return 0;
}

static struct sockaddr_un address(const char *name) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strcpy(to.sun_path, name);
    return to;
}

static int made_socket = -1;

static int bind_socket(void) {
    struct sockaddr_un to = address("/link/t/new");
    TRY(bind(made_socket, (struct sockaddr *)&to, sizeof to));
    return 0;
}

static int connect_socket(void) {
    struct sockaddr_un to = address("/link/listens"), found;
    socklen_t len = sizeof found;
    TRY(connect(made_socket, (struct sockaddr *)&to, sizeof to));
    int result = getpeername(made_socket, (struct sockaddr *)&found, &len), error = errno;
    if (result < 0) return -error;
    RIGHT(!strcmp(found.sun_path, "/work/listens"), "the peer is %s", found.sun_path);
    return 0;
}

static void fresh_socket(void) {
    if (made_socket >= 0) close(made_socket);
    // Always the same number, with which the descriptors are counted.
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    NEED(fd);
    made_socket = fcntl(fd, F_DUPFD, 200);
    NEED(made_socket);
    close(fd);
}

// Executes a program that ends with 7 if it finds a file. After a failed exec the same process
// tries again.
static int execute(const char *path, char **argv) {
    reported->error = 0;
    reported->failed = -1;
    pid_t pid = fork();
    TRY(pid);
    if (pid == 0) {
        execv(path, argv);
        reported->error = errno;
        reported->failed = let_be();
        execv(path, argv);
        _exit(99);
    }
    int end = ended(pid);
    if (reported->error) {
        RIGHT(end == 7, "%s: executed again, it ended with %d", path, end);
        return -reported->error;
    }
    // The exec was past the point of no return: the kernel kills then, newroot says why, and so
    // does a dynamic loader.
    if (end == 125 || (end == 127 && !strcmp(path, "/bin/dynamic"))) return -ENOMEM;
    RIGHT(end == 7, "%s ended with %d", path, end);
    return 0;
}

static int execute_static(void) { return execute("/link/calls", (char *[]){"race", "7", NULL}); }
static int execute_dynamic(void) { return execute("/bin/dynamic", (char *[]){"race", "7", NULL}); }
static int execute_script(void) { return execute("/link/script", (char *[]){"script", NULL}); }

static int execute_with_many(void) {
    char *argv[400];
    for (int i = 0; i < 399; i++) argv[i] = "7";
    argv[399] = NULL;
    return execute("/bin/calls", argv);
}

static int execute_by_descriptor(void) {
    int fd = open("/bin/calls", O_RDONLY | O_CLOEXEC);
    TRY(fd);
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int result = execute(path, (char *[]){"race", "7", NULL});
    close(fd);
    return result;
}

static int spawn(void) {
    pid_t pid;
    int error = posix_spawn(&pid, "/link/script", NULL, NULL, (char *[]){"script", NULL}, environ);
    if (error) return -error;
    int end = ended(pid);
    if (end == 125) return -ENOMEM;
    RIGHT(end == 7, "what was spawned ended with %d", end);
    return 0;
}


static int mount_bound(void) {
    TRY(mount("/link/t/d", "/link/t/empty", NULL, MS_BIND, NULL));
    return 0;
}

static int mount_memory(void) {
    TRY(mount("none", "/link/t/empty", "tmpfs", 0, NULL));
    return 0;
}

static void unmount(void) { umount("/work/t/empty"); }

static int change_root(void) {
    reported->error = 0;
    pid_t pid = fork();
    TRY(pid);
    if (pid == 0) {
        struct stat s;
        if (chroot("/link/t") < 0) reported->error = errno;
        else if (stat("/file", &s) < 0) reported->error = errno;
        _exit(7);
    }
    int end = ended(pid);
    RIGHT(end == 7, "a child ended with %d", end);
    return -reported->error;
}

// --- Refused calls stay refused.

static int refused(int result, const char *what) {
    RIGHT(result < 0, "%s: it isn't refused", what);
    return errno == EACCES ? 0 : -errno;
}

static int stat_locked(void) {
    struct stat s;
    return refused(stat("/work/locked/file", &s), "stat");
}

static int open_secret(void) {
    int fd = open("/work/secret", O_RDONLY);
    int result = refused(fd, "open");
    if (fd >= 0) close(fd);
    return result;
}

static int open_new_in_locked(void) { return refused(open("/work/locked/new", O_WRONLY | O_CREAT, 0644), "open"); }
static int read_link_in_locked(void) {
    char text[64];
    return refused(readlink("/work/locked/link", text, sizeof text), "readlink");
}
static int enter_locked(void) { return refused(chdir("/work/locked"), "chdir"); }
static int remove_sealed(void) { return refused(unlink("/work/sealed/file"), "unlink"); }
static int rename_sealed(void) { return refused(rename("/work/sealed/file", "/work/t/new"), "rename"); }
static int make_in_sealed(void) { return refused(mkdir("/work/sealed/new", 0755), "mkdir"); }
static int bind_in_sealed(void) {
    struct sockaddr_un to = address("/work/sealed/new");
    return refused(bind(made_socket, (struct sockaddr *)&to, sizeof to), "bind");
}
static int connect_to_secret(void) {
    struct sockaddr_un to = address("/work/locked/listens");
    return refused(connect(made_socket, (struct sockaddr *)&to, sizeof to), "connect");
}
static int execute_secret(void) { return refused(execv("/work/secret", (char *[]){"secret", NULL}), "execve"); }

// From now on another user makes the calls, who owns only the directory T.
static void become(void) {
    NEED(mkdir(T, 0755));
    NEED(chown(T, 33, 34));
    NEED(chown("/work/calls", 33, 34));
    NEED(mkdir("/work/locked", 0700));
    NEED(mkdir("/work/sealed", 0755));
    put("/work/locked/file", "text");
    NEED(symlink("file", "/work/locked/link"));
    made_socket = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un to = address("/work/locked/listens");
    NEED(bind(made_socket, (struct sockaddr *)&to, sizeof to));
    put("/work/sealed/file", "text");
    put("/work/secret", "text");
    NEED(chmod("/work/secret", 0600));
    syscall(SYS_setfsgid, 34);
    syscall(SYS_setfsuid, 33);
    fake_root = false;
    user = true;
}

// --- The files before each call, and what is left of them.

static void clean(void) {
    static const char *const names[] = {"file", "two", "three", "null", "new", "d/up", "d/inner"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        char path[64];
        snprintf(path, sizeof path, T "/%s", names[i]);
        if (unlink(path) < 0 && errno == EISDIR) rmdir(path);
    }
    // An exchange may have swapped them.
    if (unlink(T "/d") < 0) rmdir(T "/d");
    unlink(T "/two/up"), unlink(T "/two/inner"), rmdir(T "/two");
    rmdir(T "/empty");
    rmdir(T "/new");
}

static void furnish(void) {
    NEED(chdir("/work"));
    clean();
    mkdir(T, 0755);
    NEED(chdir(T));
    put("file", "text");
    put("two", "of");
    NEED(setxattr("two", "user.y", "of", 2, 0));
    NEED(link("two", "three"));
    NEED(mkdir("d", 0755));
    NEED(mkdir("empty", 0755));
    NEED(symlink("../file", "d/up"));
    put("d/inner", "inner");
    if (fake_root) NEED(mknod("null", S_IFCHR | 0644, makedev(1, 3)));
}

static size_t describe(char *into, size_t space, const char *directory, int depth) {
    struct dirent **names;
    size_t used = 0;
    int n = scandir(directory, &names, NULL, alphasort);
    if (n < 0) return snprintf(into, space, "%s: %s\n", directory, errno_name(errno));
    for (int i = 0; i < n; i++) {
        char path[512], holds[32] = "", attribute[8] = "";
        struct stat s;
        snprintf(path, sizeof path, "%s/%s", directory, names[i]->d_name);
        bool dots = !strcmp(names[i]->d_name, "..") || !strcmp(names[i]->d_name, ".");
        free(names[i]);
        if (dots) continue;
        if (lstat(path, &s) < 0) {
            used += snprintf(into + used, space - used, "%s: %s\n", path, errno_name(errno));
            continue;
        }
        if (S_ISLNK(s.st_mode) && readlink(path, holds, sizeof holds - 1) < 0) strcpy(holds, errno_name(errno));
        if (S_ISREG(s.st_mode)) {
            int fd = open(path, O_RDONLY);
            if (fd < 0 || read(fd, holds, sizeof holds - 1) < 0) strcpy(holds, errno_name(errno));
            if (s.st_size > 30) strcpy(holds, "much");
            if (fd >= 0) close(fd);
            getxattr(path, "user.x", attribute, sizeof attribute - 1);
        }
        used += snprintf(into + used, space - used, "%s %o %d:%d #%ld %ld %lx %s %s\n", path, s.st_mode, s.st_uid, s.st_gid,
                         (long)s.st_nlink, S_ISDIR(s.st_mode) ? 0 : (long)s.st_size, (long)s.st_rdev, holds, attribute);
        if (S_ISDIR(s.st_mode) && depth) used += describe(into + used, space - used, path, depth - 1);
    }
    free(names);
    return used;
}

static const char *files(char *into, size_t space) {
    describe(into, space, T, 1);
    return into;
}

static long pages(void) {
    char text[128] = "";
    int fd = open("/proc/self/statm", O_RDONLY);
    NEED(fd);
    NEED(read(fd, text, sizeof text - 1));
    close(fd);
    return atol(text);
}

// Errors that the kernel may give, besides ENOMEM.
enum { OPENS = 1, WRITES = 2, CHANGES = 2 | 4, FAKED = 8, ONCE = 16, REFUSED = 32 };

static const struct trial {
    const char *name;
    int (*run)(void);
    int what;
    void (*prepare)(void), (*undo)(void);
} trials[] = {
    {"open", open_file, OPENS, NULL, NULL},
    {"open in a binding", open_bound, OPENS, NULL, NULL},
    {"open a new file", open_new, OPENS | CHANGES, NULL, NULL},
    {"open an unnamed file", open_unnamed, OPENS | WRITES, NULL, NULL},
    {"open a device", open_device, OPENS | FAKED, open_device_first, NULL},
    {"chmod of an open device", change_open_device, OPENS | CHANGES | FAKED, open_device_first, NULL},
    {"open maps", open_maps, OPENS, NULL, NULL},
    {"open status", open_status, OPENS, NULL, NULL},
    {"open mountinfo", open_mountinfo, OPENS, NULL, NULL},
    {"stat", stat_file, 0, NULL, NULL},
    {"lstat", lstat_link, 0, NULL, NULL},
    {"stat nothing", stat_missing, 0, NULL, NULL},
    {"statx", stat_by_statx, 0, NULL, NULL},
    {"access", ask_for_access, 0, NULL, NULL},
    {"statfs", look_at_file_system, 0, NULL, NULL},
    {"readlink", read_link, 0, NULL, NULL},
    {"readlink of exe", read_link_of_exe, 0, NULL, NULL},
    // It opens a file itself.
    {"readlink of a descriptor", read_link_of_descriptor, OPENS, NULL, NULL},
    {"getcwd", get_cwd, 0, NULL, NULL},
    {"chdir", change_directory, 0, NULL, change_directory_back},
    {"fchdir", change_directory_by_descriptor, OPENS, NULL, change_directory_back},
    {"list the root", list_root, OPENS, NULL, NULL},
    {"list above a binding", list_above_binding, OPENS, NULL, NULL},
    {"list", list_own, OPENS, NULL, NULL},
    {"mkdir", make_directory, CHANGES, NULL, NULL},
    {"symlink", make_link, CHANGES, NULL, NULL},
    {"mknod of a FIFO", make_fifo, CHANGES, NULL, NULL},
    {"mknod of a device", make_device, CHANGES | FAKED, NULL, NULL},
    {"link", give_second_name, CHANGES, NULL, NULL},
    {"link of one with two names", give_third_name, CHANGES, NULL, NULL},
    {"unlink", remove_file, CHANGES, NULL, NULL},
    {"unlink one of two names", remove_name, CHANGES, NULL, NULL},
    {"unlink a device", remove_device, CHANGES | FAKED, NULL, NULL},
    {"rmdir", remove_directory, CHANGES, NULL, NULL},
    {"rename", rename_file, CHANGES, NULL, NULL},
    {"rename over one of two names", rename_over_name, CHANGES, NULL, NULL},
    {"rename over a device", rename_over_device, CHANGES | FAKED, NULL, NULL},
    {"exchange", exchange, CHANGES, NULL, NULL},
    {"chmod", change_mode, CHANGES, NULL, NULL},
    {"chmod to one that locks us out", change_mode_to_locked, CHANGES, NULL, NULL},
    {"chown", change_owner, CHANGES | FAKED, NULL, NULL},
    {"chown of a link", change_owner_of_link, CHANGES | FAKED, NULL, NULL},
    {"chown of a device", change_owner_of_device, CHANGES | FAKED, NULL, NULL},
    {"fchown", change_owner_of_open, OPENS | CHANGES | FAKED, NULL, NULL},
    {"utimensat", set_times, CHANGES, NULL, NULL},
    {"truncate", cut, CHANGES, NULL, NULL},
    {"setxattr", set_attribute, CHANGES, NULL, NULL},
    {"setxattr of a capability", set_capability, CHANGES | FAKED, NULL, NULL},
    {"getxattr", get_attribute, 0, NULL, NULL},
    {"listxattr", list_attributes, 0, NULL, NULL},
    {"bind", bind_socket, CHANGES, fresh_socket, NULL},
    {"connect", connect_socket, 0, fresh_socket, NULL},
    {"execute", execute_static, OPENS, NULL, NULL},
    {"execute a dynamic program", execute_dynamic, OPENS, NULL, NULL},
    {"execute a script", execute_script, OPENS, NULL, NULL},
    {"execute with many arguments", execute_with_many, OPENS, NULL, NULL},
    {"execute by descriptor", execute_by_descriptor, OPENS, NULL, NULL},
    {"spawn", spawn, OPENS, NULL, NULL},
    {"mount a directory", mount_bound, CHANGES | FAKED, NULL, unmount},
    // A mount that it can't remove again stays until the session ends.
    {"mount memory", mount_memory, CHANGES | FAKED | ONCE, NULL, unmount},
    {"chroot", change_root, FAKED, NULL, NULL},
    {"stat, refused", stat_locked, REFUSED, NULL, NULL},
    {"open, refused", open_secret, OPENS | REFUSED, NULL, NULL},
    {"open a new file, refused", open_new_in_locked, OPENS | WRITES | REFUSED, NULL, NULL},
    {"readlink, refused", read_link_in_locked, REFUSED, NULL, NULL},
    {"chdir, refused", enter_locked, REFUSED, NULL, NULL},
    {"unlink, refused", remove_sealed, WRITES | REFUSED, NULL, NULL},
    {"rename, refused", rename_sealed, WRITES | REFUSED, NULL, NULL},
    {"mkdir, refused", make_in_sealed, WRITES | REFUSED, NULL, NULL},
    {"bind, refused", bind_in_sealed, WRITES | REFUSED, fresh_socket, NULL},
    {"connect, refused", connect_to_secret, REFUSED, fresh_socket, NULL},
    {"execute, refused", execute_secret, OPENS | REFUSED, NULL, NULL},
};

// Whether the kernel may give this answer to the call when this resource has run out.
static bool may_be(const struct trial *trial, int answer, int injected) {
    switch (answer) {
    case ENOMEM: return true;
    case EMFILE: case ENFILE: return (injected == EMFILE || injected == ENFILE) && trial->what & OPENS;
    case ENOSPC: case EDQUOT: return answer == injected && trial->what & WRITES;
    default: return false;
    }
}

static void renew(const struct trial *trial) {
    if (trial->undo) trial->undo();
    if (trial->what & 4) furnish();
    if (trial->prepare) trial->prepare();
}

static char now_is[8192];

// Prints the lines that only one of two texts has.
static void print_difference(const char *expected, const char *found) {
    for (int side = 0; side < 2; side++) {
        const char *of = side ? found : expected, *in = side ? expected : found;
        for (const char *line = of, *end; (end = strchr(line, '\n')); line = end + 1) {
            char text[512];
            snprintf(text, sizeof text, "%.*s", (int)(end - line + 1), line);
            if (!strstr(in, text)) say("%c %.*s", "-+"[side], (int)(end - line), line);
        }
    }
}

// Whether the files are as expected. With `more_links` a link count may be too high.
static bool as_expected(const char *expected, bool more_links) {
    const char *a = expected, *b = files(now_is, sizeof now_is);
    for (; *a && *a == *b; a++, b++)
        if (more_links && *a == '#' && strtol(b + 1, NULL, 10) > strtol(a + 1, NULL, 10))
            while (a[1] != ' ' && b[1] != ' ') a++, b++;
    return *a == *b;
}

static char before[8192], after[8192];
// Only every Nth call is tried.
static long every = 1;
static long faults, failures;

// Returns whether anything failed.
static bool once(const struct trial *trial, long nth, int error, bool on) {
    int open_before = descriptors();
    let_fail(nth, error, on);
    int result = trial->run();
    int failed = let_be();
    if (reported->failed >= 0) failed = reported->failed;
    reported->failed = -1;
    if (failed < 0) {
        if (result) WRONG("%s: %s without a reason", trial->name, errno_name(-result));
        renew(trial);
        return false;
    }
    faults++;
#define OF "%s, where %s call %ld (system call %d) fails with %s: "
#define WHICH trial->name, on ? "every call from" : "just", nth, failed, errno_name(error)
    int open_now = descriptors();
    if (open_now != open_before) WRONG(OF "%d descriptors were open, and %d are", WHICH, open_before, open_now);
    const char *expected = result ? before : after;
    if (result) failures++;
    if (result && !may_be(trial, -result, error)) WRONG(OF "%s", WHICH, errno_name(-result));
    bool changed = trial->what & 4 && !as_expected(expected, on);
    if (changed && on && result) {
        // The change can be undone, unless that fails, too.
        renew(trial);
    } else if (changed) {
        WRONG(OF "%s, and there is something else", WHICH, result ? errno_name(-result) : "success");
        print_difference(expected, now_is);
    }
    if (result) {
        if (trial->prepare) trial->prepare();
        result = trial->run();
        if (result) WRONG(OF "again: %s", WHICH, errno_name(-result));
        if (trial->what & 4 && !as_expected(after, on)) {
            WRONG(OF "again, and there is something else", WHICH);
            print_difference(after, now_is);
        }
    }
    renew(trial);
    return true;
}

static void try(const struct trial *trial) {
    static const int errors[] = {ENOMEM, EMFILE, ENFILE, ENOSPC, EDQUOT};
    if ((trial->what & FAKED && !fake_root) || (trial->what & REFUSED && !user)) return;
    furnish();
    if (trial->prepare) trial->prepare();
    files(before, sizeof before);
    if (trial->run()) WRONG("%s: %s", trial->name, errno_name(errno));
    files(after, sizeof after);
    renew(trial);
    long size = 0;
    for (unsigned e = 0; e < sizeof errors / sizeof *errors; e++)
        for (int on = 0; on < 2; on++) {
            // newroot makes more descriptors where there are none
            // (tests/robust/races/descriptors.c), and handles a full disk like a full quota.
            if (on && (errors[e] == EMFILE || errors[e] == EDQUOT || trial->what & ONCE)) continue;
            // A short run tries one error with one call, another error with the next.
            if (every > 1 && (trial - trials + 2 * e + on) % 3) continue;
            for (long nth = 1 + (trial - trials + e) % every; once(trial, nth, errors[e], on); nth += every) {
                // The first try allocates memory that is kept.
                if (!size) size = pages();
                if (nth > 500) {
                    WRONG("%s: there is no end", trial->name);
                    break;
                }
            }
        }
    if (size && pages() > size + 16) WRONG("%s: %ld pages became %ld", trial->name, size, pages());
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "7")) {
        struct stat st;
        stop_failing();
        return stat("/link", &st) == 0 ? 7 : 8;
    }
    reported = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    reported->failed = -1;
    fake_root = geteuid() == 0;
    NEED(symlink("work", "/link"));
    NEED(link("/bin/calls", "/work/calls"));
    put("/bound/file", "bound");
    put("/work/script", "#!/link/calls 7\n");
    NEED(chmod("/work/script", 0755));
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_un at = address("/work/listens");
    NEED(bind(listening, (struct sockaddr *)&at, sizeof at));
    NEED(chmod("/work/listens", 0777));
    NEED(listen(listening, 4000));
    if (argc > 1 && !strcmp(argv[1], "user")) {
        become();
        argc--, argv++;
    }
    if (argc > 1 && !strncmp(argv[1], "every=", 6)) {
        every = atol(argv[1] + 6);
        argc--, argv++;
    }
    const char *only = argc > 1 ? argv[1] : NULL;
    for (unsigned i = 0; i < sizeof trials / sizeof *trials; i++)
        if (!only || !strcmp(only, trials[i].name)) {
            double started = now();
            long before_it = wrongs;
            wrongs = 0;
            try(&trials[i]);
            wrongs += before_it;
            if (only || getenv("FAULT_TIMES")) fprintf(stderr, "%s: %.2f s\n", trials[i].name, now() - started);
        }
    unmount();
    clean();
    fprintf(stderr, "%ld faults, %ld failures\n", faults, failures);
    say("%ld wrong", wrongs);
}
