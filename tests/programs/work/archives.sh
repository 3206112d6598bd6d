# Trees that tar, cpio and rsync pack and restore.
apt-get update -qq
apt-get install -y --no-install-recommends rsync cpio attr acl libcap2-bin > /root/log 2>&1
facts() {
    (cd "$1" && find . -printf '%p %U:%G %m %y %n %l\n' | sort
     find . -type b -o -type c | sort | xargs -r stat -c '%n %t:%T'
     getfattr -R -h -d -m - . 2> /dev/null | sort
     getfacl -R -n -p . 2> /dev/null
     getcap -r . 2> /dev/null)
}
mkdir -p /srv/from && cd /srv/from
echo plain > plain; chown 5:6 plain; chmod 4711 plain
echo locked > locked; chmod 000 locked; chown 7:7 locked
echo dry > dry; chmod 0444 dry
mkdir -m 2775 shared; chgrp audio shared; echo in > shared/inherits
mkdir -m 1777 sticky; mkdir -m 0 closed; echo x > closed/x; mkdir -m 0555 fixed
ln plain hard; ln -s plain soft; chown -h 8:9 soft; ln -s /nowhere dangling
mkfifo -m 620 fifo; chown 10:5 fifo
mknod null c 1 3; mknod -m 640 disk b 8 1; chown root:disk disk
cp /bin/true capable; setcap cap_net_raw+ep capable
setfattr -n user.colour -v blue plain
setfattr -n trusted.seal -v wax plain
setfattr -n security.note -v secret shared
setfacl -m u:12:rw,g:audio:r plain
setfacl -d -m u:13:rwx shared
facts .
echo in > null; cat null
for how in tar cpio rsync cp; do
    rm -rf /srv/to; mkdir /srv/to
    case $how in
        tar) tar --acls --xattrs --xattrs-include='*' -cf /srv/t.tar . && tar --acls --xattrs --xattrs-include='*' --same-owner -xpf /srv/t.tar -C /srv/to
             tar --numeric-owner -tvf /srv/t.tar | awk '{print $1, $2, $NF}' | sort ;;
        cpio) find . | sort | cpio -o -H newc 2> /dev/null > /srv/t.cpio; (cd /srv/to && cpio -idm --no-absolute-filenames < /srv/t.cpio 2> /dev/null) ;;
        rsync) rsync -aHAX --numeric-ids ./ /srv/to/ ;;
        cp) cp -a . /srv/to/ ;;
    esac
    echo "== $how"
    facts /srv/to
done
