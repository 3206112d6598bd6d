// A Landlock rule for a directory also applies to mounts below it.
// syscalls: landlock_create_ruleset landlock_add_rule landlock_restrict_self
#include "../exec/landlock.h"

static void look(void) {
    show_stat("/data/file");
    show_stat("/here/second");
    show("/here/second");
    show("/data/file");
    show("/bound/link");
    show("/bound/nested/file");
    show("/boundfile");
    show("/made/by/binding/file");
    show("/readonly/file");
    list("/bound/dir");
    list("/made/by");
    list("/made");
    CALL(open("/bound/file", O_WRONLY));
    CALL(open("/data/file", O_WRONLY));
    CALL(open("/here/new", O_WRONLY | O_CREAT, 0644));
    CALL(mkdir("/here/directory", 0755));
    CALL(mkdir("/bound/directory", 0755));
    CALL(rmdir("/bound/directory"));
    CALL(open("/readonly/new", O_WRONLY | O_CREAT, 0644));
    run_program("/bin/report");
}

static void with(const char *what, const char *path, uint64_t access, const char *other, uint64_t more) {
    say("-- %s", what);
    pid_t child = fork();
    if (child == 0) {
        int rules = forbids(READ_FILE | READ_DIR | WRITE_FILE | MAKE | REMOVE_DIR);
        NEED(allow(rules, path, access));
        if (other) NEED(allow(rules, other, more));
        obey(rules);
        look();
        _exit(0);
    }
    reap(what, child);
}

int main(void) {
    NEED(link("/data/dir/inner", "/here/second"));
    with("all may be read", "/", READ_FILE | READ_DIR, NULL, 0);
    with("bound may be read", "/bound", READ_FILE | READ_DIR, "/bin", READ_FILE);
    with("made may be read", "/made", READ_FILE | READ_DIR, "/bin", READ_FILE);
    with("one file may be read", "/boundfile", READ_FILE, "/bin", READ_FILE);
    with("bound may be written", "/bound", READ_FILE | WRITE_FILE | MAKE_DIR | REMOVE_DIR, "/bin", READ_FILE);
}
