//! Call sites: which of them can be patched, and the machine code of a patch.
//!
//! ```text
//!     before                        after
//!     mov $4,%eax     b8 ……         jmp stub        e9 ……
//!     syscall         0f 05         syscall         0f 05
//!     next                          next
//!
//!                                   stub: mov $4,%eax
//!                                         lea next(%rip),%rcx
//!                                         mov $entry,%r11d
//!                                         jmp *%r11
//! ```
//!
//! Only the instruction in front of `syscall` is replaced. It must load a constant into a register,
//! because such an instruction has the same effect at any address. `syscall` itself stays in place
//! for code that jumps to it, returns to the address behind it, or was about to execute it. A
//! system call overwrites rcx and r11, so the stub may use both.

use super::length::{LONGEST, length};

/// Bytes in front of a `syscall` instruction that [`movable`] needs.
pub const WINDOW: usize = 80;

/// Bytes of a `jmp rel32`.
pub const JUMP: usize = 5;

/// Bytes of the instruction that loads the address behind the call site in a stub.
const LEA: usize = 7;

/// Bytes of a stub, including a few unused ones at its end.
pub const STUB: usize = 24;

/// Distance in bytes that a jump can reach.
pub const REACH: usize = 1 << 31;

/// Returns the length of the instruction at the end of `code` if a jump can replace it. `code` lies
/// directly in front of a `syscall` that was just executed.
///
/// Nothing records where the instructions in front of it begin. But among any fifteen bytes in a
/// row, one is the first byte of an instruction, and decoding from that byte finds all later ones.
/// So the function decodes from every byte in the first part of the code. If all decodings that
/// arrive at the `syscall` agree on the last instruction, the true one agrees too, because it is
/// among them.
#[must_use]
pub fn movable(code: &[u8]) -> Option<usize> {
    let code = code.get(code.len().checked_sub(WINDOW)?..)?;
    // Length of the last instruction for a decoding that starts at each byte; 0 if unknown, or if
    // the decoding doesn't arrive at the end.
    let mut last = [0u8; WINDOW + 1];
    for start in (0..WINDOW).rev() {
        let Some(len) = code.get(start..).and_then(length) else { continue };
        let of_next = last.get(start + len).copied().unwrap_or(0);
        if let Some(entry) = last.get_mut(start) {
            *entry = if start + len == WINDOW { len as u8 } else { of_next };
        }
    }
    let mut votes = last.iter().take(WINDOW - 2 * LONGEST).filter(|&&len| len != 0);
    let &first = votes.next()?;
    if !votes.all(|&len| len == first) {
        return None;
    }
    let len = usize::from(first);
    let instruction = code.get(WINDOW - len..)?;
    match *instruction {
        [0xb8..=0xbf, _, _, _, _] => Some(len),
        // The same with a REX prefix that doesn't widen the constant.
        [0x40..=0x47, 0xb8..=0xbf, _, _, _, _] => Some(len),
        _ => None,
    }
}

/// Returns the machine code of a jump at `from` to `to`, or `None` if the distance is too large.
#[must_use]
pub fn jump(from: usize, to: usize) -> Option<[u8; JUMP]> {
    let [a, b, c, d] = distance(from + JUMP, to)?;
    Some([0xe9, a, b, c, d])
}

/// Returns the machine code of a stub at the address `at`. The stub executes `moved`, then jumps to
/// `entry` with the address `next` in rcx. Returns `None` if `next` is too far away or `moved` is
/// too long.
#[must_use]
pub fn stub(at: usize, moved: &[u8], next: usize, entry: u32) -> Option<[u8; STUB]> {
    let mut code = [0xcc; STUB];
    let mut len = 0;
    let mut put = |bytes: &[u8]| -> Option<()> {
        code.get_mut(len..len + bytes.len())?.copy_from_slice(bytes);
        len += bytes.len();
        Some(())
    };
    put(moved)?;
    let [a, b, c, d] = distance(at + moved.len() + LEA, next)?;
    put(&[0x48, 0x8d, 0x0d, a, b, c, d])?;
    let [a, b, c, d] = entry.to_le_bytes();
    put(&[0x41, 0xbb, a, b, c, d])?;
    put(&[0x41, 0xff, 0xe3])?;
    Some(code)
}

/// Returns the length of the moved instruction in a stub at the address `at`, and the address
/// behind the `syscall` of the stub's call site.
#[must_use]
pub fn origin(code: &[u8; STUB], at: usize) -> (usize, usize) {
    let moved = if matches!(code[0], 0x40..=0x47) { 6 } else { 5 };
    let mut to = [0; 4];
    for (slot, &byte) in to.iter_mut().zip(code.iter().skip(moved + 3)) {
        *slot = byte;
    }
    let next = (at + moved + LEA).wrapping_add(i32::from_le_bytes(to) as isize as usize);
    (moved, next)
}

fn distance(from: usize, to: usize) -> Option<[u8; 4]> {
    i32::try_from(to.wrapping_sub(from) as isize).ok().map(i32::to_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks code that ends with `end`, after other code that is typical of compilers.
    #[track_caller]
    fn check(end: &[u8], expected: Option<usize>) {
        // mov %rsp,%rdi; mov 8(%rsp),%rax; xor %edx,%edx; and again.
        let ordinary = [0x48, 0x89, 0xe7, 0x48, 0x8b, 0x44, 0x24, 0x08, 0x31, 0xd2];
        let mut code = [0u8; 200];
        for (slot, byte) in code.iter_mut().zip(ordinary.iter().cycle()) {
            *slot = *byte;
        }
        code[..10 * 16][10 * 16 - 10..].copy_from_slice(&ordinary);
        code[160..160 + end.len()].copy_from_slice(end);
        assert_eq!(movable(&code[..160 + end.len()]), expected, "{end:x?}");
    }

    #[test]
    fn a_load_of_the_number_can_be_moved() {
        check(&[0xb8, 0x06, 0x01, 0, 0], Some(5));
    }

    #[test]
    fn a_load_of_an_argument_can_be_moved() {
        check(&[0xbf, 0x9c, 0xff, 0xff, 0xff], Some(5));
        check(&[0x41, 0xba, 8, 0, 0, 0], Some(6));
    }

    #[test]
    fn the_end_of_another_instruction_is_not_taken_for_a_load() {
        // movl $2,-0x48(%rbp): ends like mov $2,%eax.
        check(&[0xc7, 0x45, 0xb8, 2, 0, 0, 0], None);
        // mov 0x106(%r8),%edi
        check(&[0x41, 0x8b, 0xb8, 6, 1, 0, 0], None);
        // movabs with the same bytes in its constant
        check(&[0x48, 0xbe, 1, 2, 3, 0xb8, 2, 0, 0, 0], None);
    }

    #[test]
    fn instructions_that_depend_on_their_address_are_not_moved() {
        // lea 0x10(%rip),%rdi
        check(&[0x48, 0x8d, 0x3d, 0x10, 0, 0, 0], None);
        check(&[0x0f, 0x1f, 0x44, 0, 0], None);
    }

    #[test]
    fn ambiguous_code_is_not_patched() {
        assert_eq!(movable(&[0xb8, 2, 0, 0, 0]), None);
    }

    #[test]
    fn a_stub_has_the_effect_of_its_call_site() {
        let at = 0x7fff_0000_1000;
        let moved = [0xb8, 0x06, 0x01, 0, 0];
        let code = stub(at, &moved, 0x7fff_0010_0007, 0x7000_1234).unwrap();
        let mut decoder = iced_x86::Decoder::with_ip(64, &code, at as u64, 0);
        let text = |instruction: iced_x86::Instruction| {
            extern crate std;
            std::format!("{instruction}")
        };
        assert_eq!(text(decoder.decode()), "mov eax,106h");
        assert_eq!(text(decoder.decode()), "lea rcx,[7FFF00100007h]");
        assert_eq!(text(decoder.decode()), "mov r11d,70001234h");
        assert_eq!(text(decoder.decode()), "jmp r11");
        assert_eq!(origin(&code, at), (5, 0x7fff_0010_0007));
        let other = stub(at, &[0x41, 0xba, 8, 0, 0, 0], 0x7ffe_f010_0007, 0x7000_1234).unwrap();
        assert_eq!(origin(&other, at), (6, 0x7ffe_f010_0007));
        let code = jump(0x7fff_0010_0000, at).unwrap();
        let mut decoder = iced_x86::Decoder::with_ip(64, &code, 0x7fff_0010_0000, 0);
        assert_eq!(text(decoder.decode()), "jmp 00007FFF00001000h");
    }

    #[test]
    fn distances_that_a_jump_cannot_reach_are_rejected() {
        assert_eq!(jump(0x40_0000, 0x7fff_0000_0000), None);
        assert_eq!(stub(0x40_0000, &[0x90; 5], 0x7fff_0000_0000, 0), None);
    }
}
