// The errno for each kind of file that can't be executed.
// syscalls: execve
#include "../facts.h"

static void try(const char *path) {
    execv(path, (char *[]){"x", NULL});
    say("%s: %s", path, errno_name(errno));
}

static void file(const char *name, const void *bytes, size_t n, mode_t mode) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, mode);
    NEED(write(fd, bytes, n));
    close(fd);
    try(name);
}

int main(void) {
    char elf[400] = "\177ELF";
    int fd = open("/bin/report", O_RDONLY);
    NEED(read(fd, elf, sizeof elf));
    try("/data/file");
    try("/data/dir");
    try("/data/missing");
    try("/data/dangling");
    try("/data/loop");
    try("/data/file/x");
    try("/data/locked/file");
    try("/bin/report/");
    try("/dev/null");
    file("empty", "", 0, 0755);
    file("text", "echo hello\n", 11, 0755);
    file("two", "#!", 2, 0755);
    file("magic", "\177ELF", 4, 0755);
    file("header", elf, 64, 0755);
    file("plain-mode", elf, sizeof elf, 0644);
    elf[18] = 0xb7;
    file("other-machine", elf, sizeof elf, 0755);
    elf[18] = 62;
    elf[4] = 1;
    file("other-class", elf, sizeof elf, 0755);
    elf[4] = 2;
    elf[16] = 1;
    file("object-file", elf, sizeof elf, 0755);
    elf[16] = 4;
    file("core-file", elf, sizeof elf, 0755);
    elf[16] = 2;
    elf[54] = 1;
    file("program-header-size", elf, sizeof elf, 0755);
    NEED(mkfifo("fifo", 0755));
    try("fifo");
    NEED(chmod("/data/unreadable", 0111));
    try("/data/unreadable");
}
