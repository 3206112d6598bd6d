// getpwnam and related functions read the guest's files, not the host's.
// link: dynamic
// syscalls: openat
#include "../facts.h"
#include <grp.h>
#include <netdb.h>
#include <pwd.h>

int main(void) {
    struct passwd *p = getpwuid(0);
    say("0 is %s, at home in %s", p ? p->pw_name : "nobody", p ? p->pw_dir : "nowhere");
    say("daemon is %s", getpwnam("daemon") ? "there" : "not there");
    struct group *g = getgrgid(0);
    say("group 0 is %s", g ? g->gr_name : "nobody");
    say("group adm is %s", getgrnam("adm") ? "there" : "not there");
    put("/etc/hosts", "10.1.2.3 only-in-the-guest\n");
    put("/etc/nsswitch.conf", "hosts: files\n");
    struct hostent *h = gethostbyname("only-in-the-guest");
    say("address of %d bytes, first %d", h ? h->h_length : 0, h ? (unsigned char)h->h_addr[0] : 0);
    put("/etc/services", "mine 4242/tcp\n");
    struct servent *s = getservbyname("mine", "tcp");
    say("port %d", s ? (s->s_port >> 8 & 255) | (s->s_port & 255) << 8 : 0);
}
