# Installs the Debian package, tries its programs, and removes it.
files() {
    # Without files that dpkg and its tools keep for themselves.
    find / -xdev \( -path /proc -o -path /dev -o -path /packages -o -path /tmp -o -path /var/lib/dpkg \
        -o -path /var/log -o -path /var/cache \) -prune -o -print | LC_ALL=C sort
}

files > /tmp/before
# The root may be configured to leave out manual pages and documents.
dpkg --path-include='/usr/share/man/*' --path-include='/usr/share/doc/*' --install /packages/*.deb
[ "$(dpkg-query --show --showformat='${Version} ${Status}' newroot)" = "$VERSION install ok installed" ]
[ -z "$(dpkg --verify newroot)" ]

[ "$(newroot --version)" = "newroot $VERSION" ]
[ "$(newroot run --no-recommended / -- /bin/echo ran)" = ran ]
for page in newroot newroot-run newroot-proot newroot-chroot; do
    zcat "/usr/share/man/man1/$page.1.gz" | grep -q '^\.TH '
done
zcat /usr/share/doc/newroot/THIRD-PARTY.gz | grep -q '^rustix-'
grep -q 'Permission is hereby granted' /usr/share/doc/newroot/copyright
bash -n /usr/share/bash-completion/completions/newroot
[ -s /usr/share/zsh/vendor-completions/_newroot ]
[ -s /usr/share/fish/vendor_completions.d/newroot.fish ]

# The other dialects are available on request, and replace no other program.
/usr/lib/newroot/bin/proot --version | grep -q '^newroot .* proot dialect$'
/usr/lib/newroot/bin/chroot --version | grep -q '^newroot .* chroot dialect$'
chroot --version | grep -q coreutils

dpkg --remove newroot
files > /tmp/after
diff /tmp/before /tmp/after
[ -z "$(dpkg-query --show --showformat='${Status}' newroot 2>/dev/null)" ]
