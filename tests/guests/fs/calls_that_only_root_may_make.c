// Calls that name files and that only root may make: refused as without newroot.
// syscalls: chroot mount umount2 swapon swapoff sethostname mknodat pivot_root acct
#include "../facts.h"
#include <sys/mount.h>
#include <sys/swap.h>

int main(void) {
    CALL(chroot("/data"));
    CALL(chroot("/data/missing"));
    CALL(chroot("/data/file"));
    CALL(mount("/data", "/tmp", NULL, MS_BIND, NULL));
    CALL(mount("none", "/tmp", "tmpfs", 0, NULL));
    CALL(umount("/tmp"));
    CALL(umount2("/bound", MNT_DETACH));
    CALL(syscall(SYS_pivot_root, "/data", "/data/dir"));
    CALL(swapon("/data/file", 0));
    CALL(swapoff("/data/file"));
    CALL(syscall(SYS_acct, "/data/file"));
    CALL(syscall(428, AT_FDCWD, "/data", 1 | O_CLOEXEC));
    CALL(syscall(430, "tmpfs", 0));
    CALL(syscall(429, AT_FDCWD, "/data", AT_FDCWD, "/tmp", 0));
    CALL(sethostname("x", 1));
    CALL(mknod("x", S_IFCHR | 0600, 259));
    list("/tmp");
}
