// A process that restricts its execs by Landlock executes allowed programs and no others. (Before
// Linux 6.14 no process can ask the kernel for permission, so newroot runs them all.)
// link: static dynamic
// syscalls: execve execveat landlock_create_ruleset landlock_add_rule landlock_restrict_self
#include "landlock.h"
#include <sys/utsname.h>

static void try_all(void) {
    run_program("/bin/report");
    run_program("/here/report");
    run_program("/here/allowed/report");
    run_program("/here/script");
    run_program("/here/allowed/script");
    run_program("/here/allowed/other");
    run_program("/here/allowed/link");
    run_program("/here/allowed/nothing");
    pid_t child = fork();
    if (child == 0) {
        char *arguments[] = {"report", "by descriptor", NULL, NULL};
        int fd = open("/here/report", O_RDONLY);
        fexecve(fd, arguments, arguments + 2);
        say("by descriptor: %s", errno_name(errno));
        _exit(9);
    }
    reap("by descriptor", child);
}

static void *thread(void *argument) {
    (void)argument;
    run_program("/here/report");
    return NULL;
}

int main(int argc, char **argv) {
    if (argc > 1) {
        say("executed: %s", argv[1]);
        if (!strcmp(argv[1], "again")) run_program("/here/report");
        return 0;
    }
    struct utsname system;
    int major, minor;
    NEED(uname(&system));
    sscanf(system.release, "%d.%d", &major, &minor);
    if (major * 100 + minor < 614) {
        say("the kernel can't be asked");
        return 0;
    }
    NEED(mkdir("allowed", 0755));
    copy("/bin/report", "report");
    copy("/bin/report", "allowed/report");
    put("script", "#!/bin/report\n");
    put("allowed/script", "#!/bin/report\n");
    put("allowed/other", "#!/here/report\n");
    NEED(chmod("script", 0755) | chmod("allowed/script", 0755) | chmod("allowed/other", 0755));
    NEED(symlink("../report", "allowed/link"));
    NEED(mkdir("apart", 0755));
    NEED(rename("/bin/guest", "/here/apart/guest"));
    NEED(symlink("/here/apart/guest", "/bin/guest"));

    int rules = forbids(EXECUTE);
    CALL(allow(rules, "/data/file", WRITE_FILE));
    CALL(allow(rules, "/bin", EXECUTE));
    CALL(allow(rules, "/here/allowed", EXECUTE));
    pid_t child = fork();
    if (child == 0) {
        obey(rules);
        try_all();
        pthread_t other;
        NEED(-pthread_create(&other, NULL, thread, NULL));
        pthread_join(other, NULL);
        _exit(0);
    }
    reap("child", child);
    say("the parent:");
    run_program("/here/report");
    // The program itself; its interpreter, if it has one, isn't allowed.
    child = fork();
    if (child == 0) {
        NEED(allow(rules, "/here/apart", EXECUTE));
        obey(rules);
        execl("/here/apart/guest", "guest", "again", NULL);
        say("the program: %s", errno_name(errno));
        _exit(9);
    }
    reap("the program", child);
    NEED(rename("/here/apart/guest", "/bin/guest"));
}
