// Calls that root may not make with only a container's capabilities.
// user: root
// syscalls: prlimit64 socket setpriority sched_setscheduler sethostname adjtimex fanotify_init
// syscalls: unshare umount2 timer_create ioprio_set iopl acct swapoff kexec_load delete_module
#include "identity.h"
#include <linux/if.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/fanotify.h>
#include <sys/klog.h>
#include <sys/mount.h>
#include <sys/timex.h>

static int option(int level, int name, int value) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int result = setsockopt(fd, level, name, &value, sizeof value);
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

// Asks the kernel to change a network interface.
static int change_interface(void) {
    int fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    struct {
        struct nlmsghdr head;
        struct ifinfomsg info;
    } message = {{sizeof message, RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0},
                 {.ifi_index = 1, .ifi_change = IFF_UP, .ifi_flags = IFF_UP}};
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char rest[256];
    } answer = {0};
    if (send(fd, &message, sizeof message, 0) < 0 || recv(fd, &answer, sizeof answer, 0) < 0) return -1;
    close(fd);
    errno = -answer.error.error;
    return answer.error.error ? -1 : 0;
}

static int write_to(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    if (fd < 0) return -1;
    int result = write(fd, text, strlen(text)) < 0 ? -1 : 0;
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

static void raise_limit(void) {
    struct rlimit limit;
    NEED(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_max++;
    CALL(setrlimit(RLIMIT_NOFILE, &limit));
}

int main(void) {
    const uint64_t kept = 1ULL << CAP_CHOWN | 1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_FOWNER | 1ULL << CAP_FSETID |
                          1ULL << CAP_KILL | 1ULL << CAP_SETGID | 1ULL << CAP_SETUID | 1ULL << CAP_SETPCAP |
                          1ULL << CAP_SYS_CHROOT | 1ULL << CAP_MKNOD | 1ULL << CAP_SETFCAP;
    struct capabilities c = get_capabilities();
    c.permitted &= kept;
    c.effective &= kept;
    c.inheritable = 0;
    CALL(set_capabilities(c));

    CALL(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
    CALL(socket(AF_PACKET, SOCK_RAW, 0));
    CALL(option(SOL_SOCKET, SO_MARK, 7));
    CALL(option(SOL_SOCKET, SO_PRIORITY, 7));
    CALL(option(SOL_SOCKET, SO_RCVBUFFORCE, 1 << 22));
    CALL(option(IPPROTO_IP, 19 /* IP_TRANSPARENT */, 1));
    CALL(change_interface());
    CALL(setpriority(PRIO_PROCESS, 0, -5));
    struct sched_param first = {1};
    CALL(sched_setscheduler(0, SCHED_FIFO, &first));
    CALL(syscall(SYS_ioprio_set, 1, 0, 1 << 13));
    raise_limit();
    CALL(write_to("/proc/self/oom_score_adj", "-500"));
    CALL(sethostname("x", 1));
    struct timex now = {.modes = ADJ_TICK, .tick = 10000};
    CALL(adjtimex(&now));
    CALL(syscall(SYS_iopl, 3));
    CALL(syscall(SYS_acct, NULL));
    CALL(syscall(SYS_swapoff, "/none"));
    CALL(syscall(SYS_kexec_load, 0, 0, 0, 0));
    CALL(syscall(SYS_delete_module, "none", 0));
    CALL(klogctl(8, NULL, 4));
    CALL(fanotify_init(FAN_CLASS_CONTENT, O_RDONLY));
    CALL(unshare(CLONE_NEWUTS));
    CALL(unshare(CLONE_NEWPID));
    CALL(unshare(CLONE_NEWNET));
    CALL(umount2("/proc", 0));
    timer_t timer;
    CALL(timer_create(CLOCK_REALTIME_ALARM, NULL, &timer));
}
