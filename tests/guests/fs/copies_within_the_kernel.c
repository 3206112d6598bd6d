// sendfile, splice, copy_file_range and fallocate between files opened by guest path.
// syscalls: sendfile splice copy_file_range fallocate
#include "../facts.h"
#include <sys/sendfile.h>

int main(void) {
    int from = open("/bound/abs", O_RDONLY), to = open("/here/copy", O_RDWR | O_CREAT, 0644);
    CALL(sendfile(to, from, NULL, 100));
    show("/here/copy");
    loff_t zero = 0;
    CALL(copy_file_range(from, &zero, to, NULL, 4, 0));
    show("/here/copy");
    int ends[2];
    NEED(pipe(ends));
    zero = 0;
    CALL(splice(from, &zero, ends[1], NULL, 3, 0));
    show_fd("pipe", ends[0]);
    CALL(fallocate(to, 0, 0, 5000));
    show_stat("/here/copy");
    CALL(posix_fadvise(to, 0, 0, POSIX_FADV_DONTNEED));
    CALL(fsync(to));
    CALL(syncfs(to));
    int read_only = open("/readonly/file", O_RDONLY);
    CALL(sendfile(read_only, from, NULL, 1));
    CALL(fallocate(read_only, 0, 0, 5000));
    CALL(lseek(to, 10, SEEK_END));
}
