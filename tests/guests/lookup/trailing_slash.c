// A trailing slash requires a directory, and follows a link that lstat would not.
// syscalls: newfstatat openat mkdir rename unlink link symlink mknodat rmdir chdir truncate chmod
// syscalls: access
#include "../facts.h"

int main(void) {
    struct stat s;
    CALL(stat("/data/file/", &s));
    CALL(lstat("/data/file/", &s));
    CALL(stat("/data/link/", &s));
    CALL(stat("/data/dangling/", &s));
    CALL(lstat("/data/dangling/", &s));
    show_lstat("/data/dirlink");
    show_lstat("/data/dirlink/");
    show_lstat("/data/dirlink//");
    show_link("/data/dirlink/");
    show_link("/data/dangling/");
    CALL(open("/data/file/", O_RDONLY));
    CALL(open("new/", O_WRONLY | O_CREAT, 0644));
    CALL(open("/data/dir/", O_WRONLY | O_CREAT, 0644));
    CALL(open("/data/dirlink/", O_RDONLY | O_NOFOLLOW));
    CALL(mkdir("made/", 0755));
    CALL(mkdir("made2///", 0755));
    CALL(rename("made/", "moved/"));
    CALL(rename("/data/file/", "x"));
    put("plain", "");
    CALL(rename("plain", "x/"));
    CALL(unlink("plain/"));
    CALL(link("plain", "hard/"));
    CALL(symlink("plain", "soft/"));
    CALL(mknod("fifo/", S_IFIFO | 0644, 0));
    CALL(symlink("moved", "tomoved"));
    CALL(rmdir("tomoved"));
    CALL(rmdir("tomoved/"));
    CALL(unlink("tomoved/"));
    CALL(rename("tomoved/", "y"));
    CALL(rmdir("moved/"));
    CALL(mkdir("tomoved/", 0755));
    CALL(symlink("absent", "toabsent"));
    CALL(mkdir("toabsent", 0755));
    CALL(mkdir("toabsent/", 0755));
    CALL(chdir("/data/file/"));
    CALL(truncate("plain/", 0));
    CALL(chmod("plain/", 0600));
    CALL(access("plain/", F_OK));
    list(".");
}
