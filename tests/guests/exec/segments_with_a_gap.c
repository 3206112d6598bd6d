// A program whose headers lie far into its file, and whose segments leave a gap between them:
// nothing is mapped in the gap, because each segment is mapped as the file describes it.
// syscalls: execve
#include "../facts.h"
#include <elf.h>

#define BASE 0x10000000ul
#define HEADERS 0x1800

// Makes a program that asks the kernel to write the byte at this address, and ends with the errno
// or 0.
static void make(const char *path, unsigned address) {
    unsigned char file[0x2000] = {0};
    unsigned char code[] = {
        0xb8, 1, 0, 0, 0,    // mov $1, %eax      write
        0xbf, 1, 0, 0, 0,    // mov $1, %edi
        0xbe, 0, 0, 0, 0,    // mov $address, %esi
        0xba, 1, 0, 0, 0,    // mov $1, %edx
        0x0f, 0x05,          // syscall
        0x89, 0xc7,          // mov %eax, %edi
        0xf7, 0xdf,          // neg %edi
        0x79, 0x02,          // jns +2
        0x31, 0xff,          // xor %edi, %edi
        0xb8, 60, 0, 0, 0,   // mov $60, %eax     exit
        0x0f, 0x05,          // syscall
    };
    memcpy(code + 11, &address, 4);
    Elf64_Ehdr header = {
        .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT}, .e_type = ET_EXEC, .e_machine = EM_X86_64,
        .e_version = EV_CURRENT, .e_entry = BASE + 0x3000, .e_phoff = HEADERS, .e_ehsize = sizeof header,
        .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 3};
    Elf64_Phdr segments[3] = {
        {.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = BASE, .p_filesz = 0x800, .p_memsz = 0x800, .p_align = 0x1000},
        {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = 0x1000, .p_vaddr = BASE + 0x3000,
         .p_filesz = sizeof code, .p_memsz = sizeof code, .p_align = 0x1000},
        {.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W}};
    memcpy(file, &header, sizeof header);
    memcpy(file + 0x700, "1\n", 2);
    memcpy(file + 0xfff, "2", 1);
    memcpy(file + 0x1000, code, sizeof code);
    memcpy(file + HEADERS, segments, sizeof segments);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
    if (write(fd, file, sizeof file) != sizeof file) say("short write");
    close(fd);
}

int main(void) {
    static const struct {
        const char *what;
        unsigned offset;
    } places[] = {
        {"first segment", 0x700},      {"the rest of its page", 0xfff}, {"behind it", 0x1000},
        {"before the second", 0x2fff}, {"second segment", 0x3000},      {"behind the second", 0x4000},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        make("made", BASE + places[i].offset);
        pid_t child = fork();
        if (child == 0) {
            execl("./made", "made", NULL);
            _exit(99);
        }
        int status;
        waitpid(child, &status, 0);
        say(": %s %d", places[i].what, WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status));
    }
    unlink("made");
    return 0;
}
