// name_to_handle_at gives a handle; opening by one needs a privilege.
// syscalls: name_to_handle_at open_by_handle_at
#include "../facts.h"

static union { struct file_handle handle; char bytes[sizeof(struct file_handle) + 128]; } one, two;

int main(void) {
    int mount;
    CALL(name_to_handle_at(AT_FDCWD, "/data/file", &one.handle, &mount, 0));
    say("room needed: %d", one.handle.handle_bytes > 0);
    one.handle.handle_bytes = two.handle.handle_bytes = 128;
    CALL(name_to_handle_at(AT_FDCWD, "/data/file", &one.handle, &mount, 0));
    CALL(name_to_handle_at(AT_FDCWD, "/data/link", &two.handle, &mount, AT_SYMLINK_FOLLOW));
    say("same: %d", !memcmp(&one, &two, sizeof(struct file_handle) + one.handle.handle_bytes));
    two.handle.handle_bytes = 128;
    CALL(name_to_handle_at(AT_FDCWD, "/data/link", &two.handle, &mount, 0));
    say("same: %d", !memcmp(&one, &two, sizeof(struct file_handle) + one.handle.handle_bytes));
    two.handle.handle_bytes = 128;
    int fd = open("/data/file", O_RDONLY);
    CALL(name_to_handle_at(fd, "", &two.handle, &mount, AT_EMPTY_PATH));
    say("same: %d", !memcmp(&one, &two, sizeof(struct file_handle) + one.handle.handle_bytes));
    CALL(name_to_handle_at(AT_FDCWD, "/data/missing", &two.handle, &mount, 0));
    CALL(name_to_handle_at(AT_FDCWD, "/data/file", &two.handle, &mount, 1 << 25));
    CALL(name_to_handle_at(AT_FDCWD, "/data/file", (void *)16, &mount, 0));
    CALL(open_by_handle_at(fd, &one.handle, O_RDONLY));
}
