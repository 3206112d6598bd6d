# Installs, checks and purges servers, an init and a printing system.
apt-get update -qq
install="postgresql openssh-server nginx man-db systemd sudo cups"
apt-get install -y --no-install-recommends $install > /root/log 2>&1 || { tail -40 /root/log; exit 1; }
tree() { find "$@" -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /tmp -o -path /root -o -path /.newroot -o -path '/var/cache/*' -o -path '/var/lib/apt/*' \) -prune -o -printf '%p %u:%g %m %y %l\n' | sort; }
tree / | sed -E 's/[0-9a-f]{32}/HASH/g; s/main\.pg_stat_tmp.*//; s/[0-9a-f]{8}\.[0-9]+/SHORT/'
dpkg --verify
find /usr -xdev -perm /6000 -printf "%p %u:%g %m\n" | sort
SUDO_FORCE_REMOVE=yes apt-get purge -y $install > /root/log2 2>&1 || { tail -40 /root/log2; exit 1; }
apt-get autoremove --purge -y >> /root/log2 2>&1
echo == purged
tree /etc /run /var | sed -E 's/[0-9a-f]{32}/HASH/g'
