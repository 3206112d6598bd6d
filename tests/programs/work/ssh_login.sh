# An SSH server on its own port, and logins by key: as root, and as another user.
apt-get update -qq
apt-get install -y --no-install-recommends openssh-server > /root/log 2>&1
useradd --uid 3000 --create-home --shell /bin/bash ann
for home in /root /home/ann; do install -d -m 700 $home/.ssh; done
ssh-keygen -q -t ed25519 -N '' -f /root/key
cp /root/key.pub /root/.ssh/authorized_keys
install -o ann -g ann -m 600 /root/key.pub /home/ann/.ssh/authorized_keys; chown ann:ann /home/ann/.ssh
install -d -m 755 /run/sshd
for port in $(seq 2200 2300); do
    /usr/sbin/sshd -p $port -o ListenAddress=127.0.0.1 -o PidFile=/run/sshd.pid -E /root/sshd.log && ! grep -q 'in use' /root/sshd.log && break
    : > /root/sshd.log
done
for i in $(seq 100); do [ -s /run/sshd.pid ] && break; sleep 0.1; done
on() { ssh -p $port -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "$1@127.0.0.1" "$2"; }
on root 'id; cat /proc/self/status | grep -E "^(Uid|Gid)"' || { cat /root/sshd.log; exit 1; }
on ann 'id; touch mine; stat -c "%U:%G %a" mine; touch /etc/no 2>&1; pwd' || true
echo copied > /root/file
scp -q -P $port -i /root/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR /root/file ann@127.0.0.1:there
stat -c '%U:%G %s' /home/ann/there
kill "$(cat /run/sshd.pid)"
