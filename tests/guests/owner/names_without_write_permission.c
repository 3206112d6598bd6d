// mkdir, unlink, rmdir, rename, link and symlink by users without write permission.
// user: root
// syscalls: mkdir rmdir unlink rename link symlink mknodat bind
#include "identity.h"

int main(void) {
    directory_of("closed", 0, 0, 0755);
    directory_of("open", 0, 0, 0777);
    directory_of("hidden", 0, 0, 0700);
    directory_of("writable", 0, 0, 0772);
    file_of("closed/f", 33, 33, 0666);
    file_of("open/f", 0, 0, 0600);
    file_of("open/g", 33, 33, 0600);
    file_of("open/suid", 0, 0, 04777);
    file_of("open/any", 0, 0, 0666);
    file_of("hidden/f", 33, 33, 0666);
    directory_of("closed/d", 33, 33, 0755);
    directory_of("open/d", 0, 0, 0755);
    directory_of("open/e", 33, 33, 0755);
    AS(33, 33) {
        CALL(mkdir("closed/x", 0755));
        CALL(mkdir("closed/f", 0755));
        CALL(mkdir("open/x", 0755));
        CALL(mkdir("hidden/f", 0755));
        CALL(mkdir("writable/x", 0755));
        CALL(unlink("closed/f"));
        CALL(unlink("closed/none"));
        CALL(unlink("closed/d"));
        CALL(rmdir("closed/d"));
        CALL(rmdir("closed/f"));
        CALL(unlink("hidden/f"));
        CALL(unlink("hidden/none"));
        CALL(rename("closed/f", "open/h"));
        CALL(rename("open/g", "closed/f"));
        CALL(rename("open/g", "closed/h"));
        CALL(rename("open/f", "open/h"));
        CALL(rename("open/d", "open/i"));
        CALL(rename("open/i", "open/x/i"));
        CALL(rename("open/e", "open/x/e"));
        CALL(rename("none", "closed/x"));
        CALL(rename("hidden/f", "open/x"));
        CALL(link("open/h", "open/hard"));
        CALL(link("open/suid", "open/hard"));
        CALL(link("open/any", "open/hard"));
        CALL(link("open/g", "closed/hard"));
        CALL(link("closed/f", "open/hard2"));
        CALL(link("hidden/f", "open/hard3"));
        CALL(link("open/any", "closed/f"));
        CALL(symlink("x", "closed/link"));
        CALL(symlink("x", "closed/f"));
        CALL(symlink("x", "hidden/link"));
        CALL(symlink("x", "open/link"));
        CALL(mkfifo("closed/fifo", 0600));
        struct sockaddr_un a = {.sun_family = AF_UNIX, .sun_path = "closed/socket"};
        CALL(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a));
        strcpy(a.sun_path, "closed/f");
        CALL(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a));
        strcpy(a.sun_path, "open/socket");
        CALL(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a));
        owner("open/socket");
        strcpy(a.sun_path, "hidden/socket");
        CALL(bind(socket(AF_UNIX, SOCK_STREAM, 0), (void *)&a, sizeof a));
    }
}
