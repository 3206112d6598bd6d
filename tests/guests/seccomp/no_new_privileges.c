// Filters need no_new_privs or a privilege. Each thread and process has that flag and its filters
// for itself, passes them on, and can query them.
// syscalls: prctl seccomp
#include "../no_new_privileges.h"
