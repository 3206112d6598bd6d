//! Builds the shim image and writes it to the file that the launcher includes.
//!
//! The shim is a freestanding program at a fixed address. It needs other code generation and link
//! arguments than the binary in which this crate ends. So a separate cargo process, with a target
//! directory of its own, builds it from the crates in `guest` and `shared`.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Address of the image in every guest process. It is far from where the kernel puts programs,
/// their heaps and their stacks, within reach of 32-bit addresses, and clear of the ranges that
/// ASAN, TSAN, Go, the JVM and valgrind claim.
const IMAGE_BASE: &str = "0x70000000";

fn main() {
    let manifest = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("set by cargo"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("set by cargo"));
    let crates = manifest.ancestors().nth(2).expect("a crate in crates/host/").to_owned();
    for folder in ["guest", "shared"] {
        println!("cargo:rerun-if-changed={}", crates.join(folder).display());
    }
    // The workspace's manifest has the profile.
    println!("cargo:rerun-if-changed={}", crates.join("../Cargo.toml").display());
    println!("cargo:rerun-if-changed=build.rs");

    let image = build(&crates.join("guest/shim"), &out.join("shim"), &out.join("newroot-shim.map"));
    let mut bytes = fs::read(&image).expect("cargo has just built it");
    mark(&mut bytes);
    fs::write(out.join("newroot-shim"), bytes).expect("OUT_DIR can be written");
}

/// Builds the image. The linker writes into `map` which function and which datum lies where: the
/// tests of the image read it.
fn build(shim: &Path, target: &Path, map: &Path) -> PathBuf {
    let script = shim.join("image.ld");
    let script = script.to_str().expect("cargo itself wants this path in UTF-8");
    let flags = [
        "-Crelocation-model=static",
        "-Ctarget-feature=+crt-static",
        "-Cpanic=abort",
        "-Cforce-unwind-tables=no",
        "-Clink-arg=-nostdlib",
        "-Clink-arg=-nostartfiles",
        "-Clink-arg=-static",
        "-Clink-arg=-no-pie",
        &format!("-Clink-arg=-Wl,--defsym=IMAGE_BASE={IMAGE_BASE}"),
        "-Clink-arg=-Wl,--build-id=none",
        "-Clink-arg=-Wl,-z,noexecstack",
        "-Clink-arg=-Wl,--no-eh-frame-hdr",
        &format!("-Clink-arg=-Wl,-T,{script}"),
        &format!("-Clink-arg=-Wl,-Map,{}", map.display()),
    ]
    .join("\x1f");
    let cargo = env::var_os("CARGO").expect("set by cargo");
    let host = env::var("TARGET").expect("set by cargo");
    let mut command = Command::new(cargo);
    command
        .args(["build", "--quiet", "--profile", "shim", "--features", "image", "--bin", "newroot-shim"])
        .arg("--manifest-path")
        .arg(shim.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target)
        .args(["--target", &host])
        .env("CARGO_ENCODED_RUSTFLAGS", flags);
    // Settings of the outer cargo for its own build don't hold for this one.
    for name in
        ["RUSTFLAGS", "CARGO_TARGET_DIR", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "CARGO_BUILD_TARGET"]
    {
        command.env_remove(name);
    }
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_FEATURE_")
            || text.starts_with("CARGO_CFG_")
            || text.starts_with("CARGO_PROFILE_")
        {
            command.env_remove(&name);
        }
    }
    let status = command.status().expect("cargo can be run");
    assert!(status.success(), "building the shim failed: {status}");
    target.join(host).join("shim/newroot-shim")
}

/// Writes the mark by which a shim recognizes another, into the padding of `e_ident`.
fn mark(image: &mut [u8]) {
    const MARK: &[u8; 7] = b"newroot";
    assert!(image.starts_with(b"\x7fELF"), "the shim is an ELF program");
    image[9..16].copy_from_slice(MARK);
}
