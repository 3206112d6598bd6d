# Makes and changes users and groups, becomes them, and checks their permissions.
apt-get update -qq
apt-get install -y --no-install-recommends sudo login passwd > /root/log 2>&1
groupadd --gid 3000 crew
useradd --uid 3000 --gid crew --create-home --shell /bin/bash ann
useradd --uid 3001 --groups crew,audio --create-home --shell /bin/sh bob
echo 'ann:secret' | chpasswd
echo 'crew:!::ann' | chgpasswd -e || true
id ann; id bob
getent passwd ann bob; getent group crew
stat -c '%n %U:%G %a' /home/ann /home/bob /home/ann/.bashrc /etc/passwd /etc/shadow /etc/gshadow
su - ann -c 'id; pwd; umask; echo $HOME'
su bob -c 'id -Gn; touch ~/mine; stat -c "%U:%G %a" ~/mine; touch /home/ann/no 2>&1; cat /etc/shadow 2>&1; chown ann ~/mine 2>&1; chgrp crew ~/mine && stat -c %G ~/mine; kill -0 1 2>&1' || true
su ann -c 'newgrp crew <<< "id -gn"'
echo 'ann ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/ann
chmod 440 /etc/sudoers.d/ann
sudo -u www-data id
su ann -c 'sudo id; sudo -u bob id; sudo -u www-data -g crew id; sudo sh -c "echo \$SUDO_USER; head -c 5 /etc/shadow"; echo' 2> /dev/null
su ann -c 'sudo -K; passwd -S ann; chage -l ann | tail -1'
usermod --append --groups audio ann; id ann
setpriv --reuid=3001 --regid=3000 --clear-groups --bounding-set=-all grep -E '^(Uid|Gid|Groups|Cap)' /proc/self/status
setpriv --no-new-privs su ann -c id || true
setpriv --no-new-privs --reuid=3001 --regid=3001 --clear-groups sudo id > /dev/null 2>&1 || echo "sudo gains nothing"
userdel --remove bob; id bob 2>&1 || true
ls /home
