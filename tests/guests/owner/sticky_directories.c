// In a sticky directory only owners may remove or rename a file.
// user: root
// syscalls: unlink rmdir rename renameat2 link
#include "identity.h"

static void try(const char *when) {
    say("%s", when);
    CALL(unlink("s/theirs"));
    CALL(rmdir("s/theirdir"));
    CALL(rename("s/theirs", "s/new"));
    CALL(rename("s/mine", "s/theirs"));
    CALL(rename("s/mine", "s/new"));
    CALL(syscall(SYS_renameat2, AT_FDCWD, "s/new", AT_FDCWD, "s/theirs", 2));
    CALL(link("s/theirs", "s/hard"));
    CALL(unlink("s/new"));
    CALL(unlink("s/hard"));
    CALL(rmdir("s/minedir"));
}

static void fill(uid_t mine) {
    file_of("s/theirs", 35, 35, 0666);
    directory_of("s/theirdir", 35, 35, 0777);
    file_of("s/mine", mine, mine, 0666);
    directory_of("s/minedir", mine, mine, 0755);
}

static void clear(void) {
    static const char *const names[] = {"s/theirs", "s/theirdir", "s/mine", "s/minedir", "s/new", "s/hard"};
    for (int i = 0; i < 6; i++) remove(names[i]);
}

int main(void) {
    directory_of("s", 0, 0, 01777);
    fill(33);
    AS(33, 33) try("not the directory's owner");
    clear();
    NEED(chown("s", 33, 33));
    fill(33);
    AS(33, 33) try("the directory's owner");
    clear();
    fill(33);
    NEED(chown("s", 0, 0));
    try("root");
    clear();
    fill(33);
    AS(35, 35) {
        CALL(unlink("s/theirs"));
        CALL(rmdir("s/theirdir"));
    }
    list("s");
}
