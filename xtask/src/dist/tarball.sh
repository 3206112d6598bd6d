# Unpacks the tarball where its users do, and tries its programs.
prefix=/usr/local
tar -C "$prefix" --strip-components=1 -xf /packages/*.tar.gz

[ "$(newroot --version)" = "newroot $VERSION" ]
[ "$(newroot run --no-recommended / -- /bin/echo ran)" = ran ]
for page in newroot newroot-run newroot-proot newroot-chroot; do
    grep -q '^\.TH ' "$prefix/share/man/man1/$page.1"
done
for file in LICENSE-APACHE LICENSE-MIT LGPL-2.1 README.md THIRD-PARTY rust-standard-library.html; do
    [ -s "$prefix/share/doc/newroot/$file" ]
done
bash -n "$prefix/share/bash-completion/completions/newroot"
[ "$("$prefix/lib/newroot/bin/proot" -w / /bin/echo ran)" = ran ]
PATH=$prefix/lib/newroot/bin:$PATH
chroot --version | grep -q '^newroot .* chroot dialect$'

# Root owns all files, and no other user may write to them.
tar -tvf /packages/*.tar.gz > /tmp/list
if grep -v ' root/root ' /tmp/list || grep -E '^[^l].{4}w|^[^l].{7}w' /tmp/list; then exit 1; fi
