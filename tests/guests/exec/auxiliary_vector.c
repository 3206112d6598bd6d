// The kernel's description of a program: AT_EXECFN, AT_PHDR, AT_ENTRY and the rest.
// link: static dynamic
// syscalls: execve
#include "../facts.h"
#include <elf.h>
#include <sys/auxv.h>

extern char etext, __ehdr_start;

int main(int argc, char **argv) {
    const char *name = (const char *)getauxval(AT_EXECFN);
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)&__ehdr_start;
    say("argv[0] '%s', AT_EXECFN '%s'", argv[0], name);
    say("AT_PHDR is ours: %d", getauxval(AT_PHDR) == (unsigned long)header + header->e_phoff);
    say("AT_PHNUM is ours: %d", getauxval(AT_PHNUM) == header->e_phnum);
    say("AT_PHENT %ld", getauxval(AT_PHENT));
    say("AT_ENTRY is ours: %d", getauxval(AT_ENTRY) % 4096 == header->e_entry % 4096);
    say("AT_BASE set: %d", getauxval(AT_BASE) != 0);
    say("AT_PAGESZ %ld AT_CLKTCK %ld AT_SECURE %ld", getauxval(AT_PAGESZ), getauxval(AT_CLKTCK), getauxval(AT_SECURE));
    say("ids right: %d", getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid() && getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
    say("AT_PLATFORM %s", (const char *)getauxval(AT_PLATFORM));
    say("AT_RANDOM set: %d, AT_SYSINFO_EHDR set: %d", getauxval(AT_RANDOM) != 0, getauxval(AT_SYSINFO_EHDR) != 0);
    say("AT_FLAGS %ld", getauxval(AT_FLAGS));
    if (argc > 1) return 0;
    static const char *const paths[] = {"/bin/guest", "/bin/../bin/guest", "link", "../bin/guest"};
    NEED(symlink("/bin/guest", "link"));
    put("script", "#!/bin/guest x\n");
    NEED(chmod("script", 0755));
    for (size_t i = 0; i < 5; i++) {
        pid_t child = fork();
        if (child == 0) {
            execl(i < 4 ? paths[i] : "./script", "zero", "again", NULL);
            _exit(9);
        }
        reap("child", child);
    }
}
