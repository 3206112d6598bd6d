# make install with owners and modes, as in the makefiles of packages.
apt-get update -qq
apt-get install -y --no-install-recommends make gcc libc6-dev > /root/log 2>&1
groupadd --system games2
mkdir -p /root/p && cd /root/p
cat > main.c <<'C'
#include <stdio.h>
#include <unistd.h>
int main(void) { printf("%d %d %d %d\n", getuid(), geteuid(), getgid(), getegid()); return 0; }
C
cat > Makefile <<'M'
DESTDIR =
all: who
who: main.c
	$(CC) -o who main.c
install: all
	install -d -m 0755 $(DESTDIR)/opt/who/bin
	install -d -m 2750 -o root -g games2 $(DESTDIR)/opt/who/var
	install -o daemon -g games2 -m 6755 who $(DESTDIR)/opt/who/bin/who
	install -o root -g adm -m 0440 main.c $(DESTDIR)/opt/who/var/main.c
M
make -s install
stat -c '%n %U:%G %a %F' /opt/who /opt/who/bin /opt/who/bin/who /opt/who/var /opt/who/var/main.c
/opt/who/bin/who
setpriv --reuid=33 --regid=33 --clear-groups /opt/who/bin/who | sed "s/$(id -g daemon)/x/g" > /dev/null
setpriv --reuid=33 --regid=33 --clear-groups sh -c '/opt/who/bin/who | cut -d" " -f1,2,3; cat /opt/who/var/main.c 2>&1' || true
