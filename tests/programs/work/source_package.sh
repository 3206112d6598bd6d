# Builds a source package, whose files belong to root.
apt-get update -qq
apt-get install -y --no-install-recommends build-essential debhelper fakeroot > /root/log 2>&1
mkdir -p /root/hello-1.0/debian/source && cd /root/hello-1.0
cat > hello.c <<'C'
#include <stdio.h>
int main(void) { puts("hello"); return 0; }
C
cat > Makefile <<'M'
all: hello
install: all
	install -D -m 4755 hello $(DESTDIR)/usr/bin/hello
	install -D -m 0640 -o daemon hello.c $(DESTDIR)/usr/share/hello/hello.c
clean:
	rm -f hello
M
cat > debian/control <<'C'
Source: hello
Section: misc
Priority: optional
Maintainer: Nobody <nobody@localhost>
Build-Depends: debhelper-compat (= 13)
Standards-Version: 4.6.2

Package: hello
Architecture: any
Depends: ${misc:Depends}, ${shlibs:Depends}
Description: says hello
 It says no more.
C
printf '%%:\n\tdh $@\n' > debian/rules; chmod +x debian/rules
printf 'hello (1.0) unstable; urgency=low\n\n  * First.\n\n -- Nobody <nobody@localhost>  Thu, 01 Jan 2026 00:00:00 +0000\n' > debian/changelog
echo '3.0 (native)' > debian/source/format
dpkg-buildpackage -us -uc -b > /root/build.log 2>&1 || { tail -40 /root/build.log; exit 1; }
dpkg-deb -c ../hello_1.0_*.deb | awk '{print $1, $2, $6}'
dpkg -i ../hello_1.0_*.deb > /dev/null
stat -c '%n %U:%G %a' /usr/bin/hello /usr/share/hello/hello.c
hello
dpkg --verify hello
dpkg -P hello > /dev/null 2>&1; ls /usr/bin/hello 2>&1 || true
