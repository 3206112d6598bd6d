# Makes distributions inside the root: by debootstrap, and by mmdebstrap as root.
apt-get update -qq
apt-get install -y --no-install-recommends debootstrap mmdebstrap > /root/log 2>&1
mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | head -1)
suite=$(. /etc/os-release; echo "$VERSION_CODENAME")
tree() { (cd "$1" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev -o -path './var/cache/*' -o -path './var/lib/apt/*' -o -path './var/log/*' -o -path ./etc/resolv.conf -o -path ./debootstrap \) -prune -o -printf '%p %U:%G %m %y %l\n' | sort); }
debootstrap --variant=minbase "$suite" /srv/one "$mirror" > /root/one.log 2>&1 || { tail -20 /root/one.log; exit 1; }
tree /srv/one
(cd /srv/one/dev && find . -type c -exec stat -c '%n %t:%T %a %U:%G' {} + | sort)
chroot /srv/one sh -c 'id; dpkg-query -W | wc -l; su -s /bin/sh nobody -c "id; cat /etc/shadow" 2>&1' || true
mmdebstrap --mode=root --variant=apt --skip=check/canary "$suite" /srv/two "deb $mirror $suite main" > /root/two.log 2>&1 || { tail -20 /root/two.log; exit 1; }
echo == mmdebstrap
tree /srv/two
