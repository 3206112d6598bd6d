# Builds an RPM package, and makes install roots from it with rpm and dnf.
apt-get update -qq
apt-get install -y --no-install-recommends rpm dnf createrepo-c > /root/log 2>&1
mkdir -p /root/r && cd /root/r
cat > hello.spec <<'S'
Name: hello
Version: 1
Release: 1
Summary: says hello
License: none
BuildArch: noarch
AutoReqProv: no
%description
It says no more.
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/var/hello
printf '#!/bin/sh\necho hello\n' > %{buildroot}/usr/bin/hello
touch %{buildroot}/var/hello/log
%files
%attr(4755, root, root) /usr/bin/hello
%attr(2770, daemon, adm) %dir /var/hello
%attr(0600, daemon, daemon) /var/hello/log
S
rpmbuild --quiet --define '_topdir /root/r/top' -bb hello.spec > build.log 2>&1 || { cat build.log; exit 1; }
mkdir repo; cp top/RPMS/noarch/*.rpm repo
rpm -qp --qf '[%{FILENAMES} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILEMODES:perms}\n]' repo/*.rpm
for root in root1 root2; do install -D -m 644 -t $root/etc /etc/passwd /etc/group; done
rpm --root /root/r/root1 --initdb
rpm --root /root/r/root1 -i repo/*.rpm 2> rpm.log || { cat rpm.log; exit 1; }
(cd root1 && find usr var/hello -printf '%p %U:%G %m\n' | sort)
createrepo_c -q repo > /dev/null 2>&1
dnf -q -y --installroot=/root/r/root2 --releasever=1 --repofrompath=here,/root/r/repo --repo=here --nogpgcheck --setopt=install_weak_deps=0 install hello > dnf.log 2>&1 || { tail -20 dnf.log; exit 1; }
(cd root2 && find usr/bin var/hello -printf '%p %U:%G %m\n' | sort)
