//! Busybox's own tests of its applets.

use super::Suite;
use super::coreutils::marked;

pub(super) const SUITE: Suite = Suite {
    name: "busybox",
    packages: &["bzip2", "unzip", "xz-utils", "zip"],
    source: Some("busybox"),
    // tc(8) doesn't compile with current kernel headers.
    prepare: "cd /suite/source
        make -s defconfig > /dev/null
        sed -i 's/^CONFIG_TC=y$/# CONFIG_TC is not set/' .config
        make -s -j2 > /dev/null",
    version: "/suite/source/busybox | sed -n '1s/BusyBox v\\([^ ]*\\) .*/\\1/p'",
    // The tests of wget need the network.
    groups: "cd /suite/source/testsuite
        { ls | sed -n 's/\\.tests$//p'; ls -d */ | tr -d /; } | grep -vx -e all_sourcecode -e wget | sort -u",
    run: "cd /suite/source/testsuite; exec ./runtest -v \"$1\"",
    read: marked,
    explained: &[],
};
