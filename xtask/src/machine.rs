//! Emulated machines: one of Debian's kernels on our own disks, read from until it powers itself
//! off.

pub(crate) mod disk;
pub(crate) mod packages;

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use newroot_testkit::static_busybox;

use crate::{Outcome, finish};
use packages::{Kernel, Qemu};

/// One kernel's machine.
pub(crate) struct Machine<'a> {
    pub(crate) qemu: &'a Qemu,
    pub(crate) kernel: &'a Kernel,
    pub(crate) processor: Processor,
    /// Images of its disks, which are never changed. The first one is its root.
    pub(crate) disks: &'a [&'a Path],
    /// File for everything that the machine prints.
    pub(crate) log: &'a Path,
    /// Settings for its /proc/sys, as `NAME=VALUE` (sysctl(8)).
    pub(crate) settings: &'a [String],
}

/// The emulator's way to run the machine.
#[derive(Clone, Copy)]
pub(crate) enum Processor {
    /// Two processors, as fast as possible.
    Quick,
    /// One processor. Its clock advances by a nanosecond with each instruction, and in real time
    /// while the processor is idle.
    Counting,
}

impl Processor {
    /// Returns qemu's options.
    fn options(self) -> &'static str {
        match self {
            Self::Quick => "-accel tcg,thread=multi -cpu max -smp 2 -m 2G",
            // The emulator counts a string instruction once for each repetition. Without these two
            // features the kernel and the C library repeat words instead of bytes.
            Self::Counting => "-accel tcg,thread=single -icount shift=0 -cpu max,-erms,-fsrm -smp 1 -m 3G",
        }
    }

    /// Returns the kernel's options.
    fn kernel_options(self) -> &'static str {
        match self {
            Self::Quick => "console=ttyS0 quiet panic=-1",
            // The processor's clock is the one that counts: the kernel must not use another.
            Self::Counting => "console=ttyS0 quiet panic=-1 tsc=reliable",
        }
    }
}

/// The first process: it loads the disk's drivers and continues from the disk.
const INIT: &str = "#!/bin/busybox sh
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t proc proc /proc
/bin/busybox modprobe virtio_pci
/bin/busybox modprobe virtio_blk
/bin/busybox mount -t ext4 /dev/vda /disk
/bin/busybox umount /proc
exec /bin/busybox switch_root /disk /sbin/start
";

impl Machine<'_> {
    /// Boots the machine and passes each printed line to `take`, until the machine powers itself
    /// off.
    pub(crate) fn run(&self, scratch: &Path, time: Duration, mut take: impl FnMut(&str)) -> Outcome {
        let first = self.initial_files(scratch)?;
        let qemu = self.qemu.command();
        let mut command = Command::new("timeout");
        command.arg("--kill-after=10").arg(time.as_secs().to_string()).arg(qemu.get_program());
        command.args(qemu.get_args()).envs(qemu.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(["-machine", "q35"]).args(self.processor.options().split(' '));
        command.args(["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"]);
        command.arg("-kernel").arg(&self.kernel.image).arg("-initrd").arg(&first);
        let settings = self.settings.iter().map(|setting| format!(" sysctl.{setting}"));
        command
            .arg("-append")
            .arg(self.processor.kernel_options().to_owned() + &settings.collect::<String>());
        for disk in self.disks {
            command.arg("-drive").arg(format!("file={},format=raw,if=virtio,snapshot=on", disk.display()));
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut log = File::create(self.log)?;
        for line in BufReader::new(child.stdout.take().ok_or("no output")?).split(b'\n') {
            let mut line = line?;
            take(&String::from_utf8_lossy(&line));
            line.push(b'\n');
            log.write_all(&line)?;
        }
        let status = child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("qemu: {status}").into()) }
    }

    /// Makes the initial file system, which the kernel has before its disk: busybox and the disk's
    /// drivers.
    fn initial_files(&self, scratch: &Path) -> Result<PathBuf, Box<dyn std::error::Error>> {
        let root = tempfile::tempdir_in(scratch)?;
        let root = root.path();
        let busybox = static_busybox().ok_or("needs a static busybox: apt-get install busybox-static")?;
        let release = self.kernel.modules.file_name().ok_or("modules are in a directory of their own")?;
        let modules = root.join("lib/modules").join(release);
        for directory in ["bin", "dev", "disk", "proc"] {
            fs::create_dir(root.join(directory))?;
        }
        fs::create_dir_all(&modules)?;
        fs::copy(&busybox, root.join("bin/busybox"))?;
        fs::write(root.join("init"), INIT)?;
        fs::set_permissions(root.join("init"), fs::Permissions::from_mode(0o755))?;
        for directory in ["kernel/drivers/virtio", "kernel/drivers/block"] {
            let Ok(entries) = fs::read_dir(self.kernel.modules.join(directory)) else { continue };
            for module in entries {
                let module = module?.path();
                let Some(name) =
                    module.file_name().filter(|name| name.to_string_lossy().starts_with("virtio"))
                else {
                    continue;
                };
                let copy = modules.join(name);
                fs::copy(&module, &copy)?;
                if copy.extension().is_some_and(|extension| extension == "xz") {
                    finish(Command::new("xz").arg("--decompress").arg(&copy))?;
                }
            }
        }
        finish(Command::new(&busybox).args(["depmod", "-b"]).arg(root).arg(release))?;
        let archive = scratch.join("initial");
        let make = "cd \"$1\" && \"$2\" find . | \"$2\" cpio -o -H newc > \"$3\" 2> \"$3.said\"";
        finish(Command::new("sh").args(["-c", make, "sh"]).arg(root).arg(&busybox).arg(&archive))?;
        Ok(archive)
    }
}
