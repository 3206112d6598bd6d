// SECCOMP_RET_KILL_PROCESS and KILL_THREAD end the guest by SIGSYS, at a path call too.
// syscalls: prctl
#include "../facts.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

static void install(unsigned nr, unsigned answer) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, answer),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {4, code};
    NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
    NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program));
}

static void *dies(void *unused) {
    rename("/data/file", "/data/renamed");
    return NULL;
}

static void handler(int s) { _exit(77); }

int main(void) {
    for (int how = 0; how < 5; how++) {
        say("way %d", how);
        pid_t child = fork();
        if (child == 0) {
            on_signal(SIGSYS, handler, 0);
            install(how == 4 ? SYS_getppid : SYS_rename, how % 2 ? SECCOMP_RET_KILL_THREAD : SECCOMP_RET_KILL_PROCESS);
            show("/bound/abs");
            if (how < 2) dies(NULL);
            if (how == 4) getppid();
            pthread_t t;
            pthread_create(&t, NULL, dies, NULL);
            if (how == 3) {
                // Only the thread dies; pthread_join can't wait for it.
                for (int threads = 2; threads > 1;) {
                    threads = 0;
                    DIR *d = opendir("/proc/self/task");
                    for (struct dirent *e; (e = readdir(d));) threads += e->d_name[0] != '.';
                    closedir(d);
                }
                say("the thread is gone");
                _exit(3);
            }
            pthread_join(t, NULL);
            _exit(4);
        }
        reap("child", child);
    }
    show_stat("/data/file");
}
