// capset(2): which capabilities a process may gain, and which not.
// user: root
// syscalls: capget capset
#include "identity.h"

int main(void) {
    struct capabilities c = get_capabilities();
    c.inheritable = 1ULL << CAP_CHOWN | 1ULL << CAP_KILL;
    CALL(set_capabilities(c));
    c.effective = 1ULL << CAP_SETUID | 1ULL << CAP_SETPCAP;
    CALL(set_capabilities(c));
    powers("few in effect");
    CALL(chown("/here", 1, 1));
    CALL(setgid(3));
    c.permitted &= ~(1ULL << CAP_FOWNER);
    CALL(set_capabilities(c));
    c.permitted |= 1ULL << CAP_FOWNER;
    CALL(set_capabilities(c));
    c.permitted &= ~(1ULL << CAP_FOWNER);
    c.effective |= 1ULL << CAP_FOWNER;
    CALL(set_capabilities(c));
    c.effective = 0;
    CALL(set_capabilities(c));
    c.inheritable |= 1ULL << CAP_FOWNER;
    CALL(set_capabilities(c));
    powers("end");
    struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_1, 0};
    struct __user_cap_data_struct d[2] = {{0, 0, 0}, {0, 0, 0}};
    CALL(syscall(SYS_capget, &h, d));
    say("version 1: %x", d[0].inheritable);
    CALL(syscall(SYS_capset, &h, d));
    powers("version 1");
    h.version = 7;
    CALL(syscall(SYS_capget, &h, NULL));
    say("version %x", h.version);
    h.version = 7;
    CALL(syscall(SYS_capget, &h, d));
    h.version = 7;
    CALL(syscall(SYS_capset, &h, d));
    h.pid = 999999;
    CALL(syscall(SYS_capget, &h, d));
    CALL(syscall(SYS_capset, &h, d));
    h.pid = -5;
    CALL(syscall(SYS_capget, &h, d));
    CALL(syscall(SYS_capget, &h, NULL));
    CALL(syscall(SYS_capget, NULL, d));
    CALL(syscall(SYS_capget, (void *)1, d));
    h.pid = 0;
    CALL(syscall(SYS_capset, &h, NULL));
    CALL(syscall(SYS_capget, &h, (void *)1));
}
