// Processes with other identities.

#ifndef IDENTITY_H
#define IDENTITY_H

#include "../../guests/facts.h"
#include <grp.h>
#include <sys/prctl.h>

// Becomes uid:gid, in groups 4 and 24.
__attribute__((unused)) static void become(uid_t uid, gid_t gid) {
    gid_t groups[] = {24, 4};
    NEED(setgroups(2, groups));
    NEED(setgid(gid));
    NEED(setuid(uid));
}

// Starts a process that is uid:gid and waits for its end. It exists when this returns, and is
// dumpable, as after an exec.
__attribute__((unused)) static pid_t sleeper(uid_t uid, gid_t gid, pid_t group) {
    int ready[2];
    NEED(pipe(ready));
    pid_t child = fork();
    NEED(child);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (group >= 0) NEED(setpgid(0, group));
        if (group == -2) NEED(setsid());
        become(uid, gid);
        prctl(PR_SET_DUMPABLE, 1);
        NEED(write(ready[1], "", 1));
        for (;;) pause();
    }
    char byte;
    NEED(read(ready[0], &byte, 1));
    close(ready[0]);
    close(ready[1]);
    return child;
}

// Runs the next statement in a child that is uid:gid, and waits for it.
#define AS(uid, gid) for (pid_t child_ = fork(), once_ = 1; once_--; end_(child_)) if (child_ == 0 && (become(uid, gid), prctl(PR_SET_DUMPABLE, 1), 1))

__attribute__((unused)) static void end_(pid_t child) {
    if (child == 0) _exit(0);
    int status;
    NEED(waitpid(child, &status, 0));
    if (status) say("ended with status %#x", status);
}

// Prints how a process ended, or that it lives; then ends it.
__attribute__((unused)) static void fate(const char *name, pid_t process) {
    int status = 0;
    for (int i = 0; i < 100; i++) {
        pid_t ended = waitpid(process, &status, WNOHANG);
        NEED(ended);
        if (ended) {
            say("%s: killed by %d", name, WTERMSIG(status));
            return;
        }
        usleep(2000);
    }
    say("%s: lives", name);
    NEED(kill(process, SIGKILL));
    NEED(waitpid(process, &status, 0));
}

#endif
