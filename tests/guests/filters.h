// Filters for the programs here.

#ifndef FILTERS_H
#define FILTERS_H

#include "facts.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

// Installs a filter that gives one answer to one call and allows all others. Returns the result of
// seccomp(2).
__attribute__((unused)) static long answer(unsigned nr, unsigned what, unsigned flags) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, what),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

// Installs a filter that the program can't do without.
__attribute__((unused)) static void deny(unsigned nr, int error) {
    NEED(answer(nr, SECCOMP_RET_ERRNO | error, 0));
}

#endif
