// Makes one system call a hundred times from the same call site, checks the results, and prints
// whether the code there is unchanged.
//
//   callsite            the call is lstat(2) of an absolute path
//   callsite traced     with a tracer
//   callsite borrowed   a vfork child makes all calls but the last
//   callsite neighbour  then a thousand calls from the first bytes of the next page, and reports
//                      the code there

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

extern const unsigned char site[], neighbour[];
long look(const char *path, struct stat *out);
long look_too(const char *path, struct stat *out);

__asm__(".pushsection .text\n"
        // Code as a compiler could have written it: enough to see how it decodes.
        ".p2align 12\n"
        "before: .rept 24; mov %rsp, %rax; xor %eax, %eax; .endr\n"
        "look: nopw 0x0(%rax,%rax,1)\n"
        "site: mov $6, %eax\n"
        "  syscall\n"
        "  ret\n"
        ".p2align 12, 0x90\n"
        "look_too: nopw 0x0(%rax,%rax,1)\n"
        "neighbour: mov $6, %eax\n"
        "  syscall\n"
        "  ret\n"
        ".popsection\n");

static int wrong;

static void make(long (*call)(const char *, struct stat *), int calls) {
    struct stat st;
    for (int i = 0; i < calls; i++)
        if (call("/bin", &st) != 0 || !S_ISDIR(st.st_mode)) wrong++;
}

static int check_code(const unsigned char *place) {
    printf("%s, %d wrong\n", place[0] == 0xb8 ? "as it was" : place[0] == 0xe9 ? "patched" : "something else", wrong);
    return wrong != 0;
}

static int check_site(int calls) {
    make(look, calls);
    return check_code(site);
}

int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "borrowed")) {
        pid_t child = vfork();
        if (child == 0) {
            make(look, 99);
            _exit(0);
        }
        int status;
        if (waitpid(child, &status, 0) != child || status != 0) return 1;
        return check_site(1);
    }
    if (argc > 1 && !strcmp(argv[1], "neighbour")) {
        make(look, 100);
        make(look_too, 1000);
        return check_code(neighbour);
    }
    if (argc < 2 || strcmp(argv[1], "traced")) return check_site(100);
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        _exit(check_site(100) + (fflush(stdout) != 0));
    }
    for (int status; waitpid(child, &status, 0) == child;) {
        if (WIFEXITED(status)) return WEXITSTATUS(status);
        if (WIFSIGNALED(status)) return 128;
        int s = WSTOPSIG(status);
        ptrace(PTRACE_CONT, child, 0, s == SIGSTOP ? 0 : s);
    }
    return 1;
}
