//! Tiny ELF programs that print one text. They show which of several files at one path was
//! executed.

/// Size of the ELF header and two program headers, in bytes.
const HEADERS: usize = 64 + 2 * 56;

/// Returns a static, position-independent x86-64 program that prints `text` and exits with 0. It
/// needs no library, and can be an ELF interpreter, too. With an `interpreter`, the kernel runs
/// that instead.
///
/// The layout follows elf(5).
#[must_use]
pub fn teller(text: &str, interpreter: Option<&str>) -> Vec<u8> {
    const PT_LOAD: u32 = 1;
    const PT_INTERP: u32 = 3;
    const PT_NULL: u32 = 0;
    let name = interpreter.map_or(Vec::new(), |path| [path.as_bytes(), b"\0"].concat());
    let entry = HEADERS + name.len();
    let code = code(text);
    let len = entry + code.len();

    let mut out = Vec::with_capacity(len);
    out.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    for half in [3u16, 62] {
        out.extend(half.to_le_bytes()); // ET_DYN, EM_X86_64
    }
    out.extend(1u32.to_le_bytes());
    for word in [entry as u64, 64, 0] {
        out.extend(word.to_le_bytes()); // entry, program headers, no section headers
    }
    out.extend(0u32.to_le_bytes());
    for half in [64u16, 56, 2, 0, 0, 0] {
        out.extend(half.to_le_bytes());
    }
    let kind = if interpreter.is_some() { PT_INTERP } else { PT_NULL };
    for (kind, flags, offset, size) in [(kind, 4u32, HEADERS, name.len()), (PT_LOAD, 5, 0, len)] {
        out.extend(kind.to_le_bytes());
        out.extend(flags.to_le_bytes());
        for word in [offset, offset, offset, size, size, 4096] {
            out.extend((word as u64).to_le_bytes());
        }
    }
    out.extend(name);
    out.extend(code);
    out
}

/// write(1, text, its length); exit(0).
fn code(text: &str) -> Vec<u8> {
    let mut code = b"\xb8\x01\0\0\0\xbf\x01\0\0\0\x48\x8d\x35\x10\0\0\0\xba".to_vec();
    code.extend((text.len() as u32).to_le_bytes());
    code.extend(b"\x0f\x05\xb8\x3c\0\0\0\x31\xff\x0f\x05");
    // `lea rsi` ends at 17, the text begins at 33.
    code.extend(text.as_bytes());
    code
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Command;

    use super::*;

    #[test]
    fn a_teller_tells_its_text_and_another_is_run_as_its_interpreter() {
        let folder = std::env::temp_dir().join(format!("newroot-teller-{}", std::process::id()));
        fs::create_dir(&folder).expect("a folder");
        let loader = folder.join("loader");
        let program = folder.join("program");
        for (path, bytes) in
            [(&loader, teller("loader\n", None)), (&program, teller("program\n", loader.to_str()))]
        {
            fs::write(path, bytes).expect("a program");
            fs::set_permissions(path, Permissions::from_mode(0o755)).expect("its mode");
        }
        for path in [&loader, &program] {
            let output = Command::new(path).output().expect("it runs");
            assert_eq!(output.stdout, b"loader\n");
            assert!(output.status.success());
        }
        fs::remove_dir_all(&folder).expect("the folder");
    }
}
