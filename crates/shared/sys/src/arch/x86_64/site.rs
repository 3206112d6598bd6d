//! Call sites: which can be patched, and the machine code that is put in their place.
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
//! Only the instruction in front of `syscall` is replaced, one that loads a constant into a
//! register: it means the same wherever it stands. `syscall` itself stays where it is, so that
//! whoever jumps to it, returns to behind it, or was about to execute it, finds it. It overwrites rcx
//! and r11, which leaves these two to the stub.

use super::length::{LONGEST, length};

/// Bytes in front of a `syscall` instruction that [`movable`] wants to see.
pub const WINDOW: usize = 80;

/// Bytes of a `jmp rel32`.
pub const JUMP: usize = 5;

/// Bytes of the instruction by which a stub knows the address behind its call site.
const LEA: usize = 7;

/// Bytes of a stub, a few unused ones at its end included.
pub const STUB: usize = 24;

/// How far a jump reaches.
pub const REACH: usize = 1 << 31;

/// Length of the instruction at the end of `code` if a jump can take its place. `code` is what stands
/// directly in front of a `syscall` that was just executed.
///
/// Where the instructions in front of it begin isn't written anywhere. But one of any fifteen bytes in
/// a row begins one, and from there on decoding finds all others. So decoding is begun at every byte of
/// the window's first part: all that arrive at the `syscall` must agree on the last instruction, and
/// then the true ones are among them.
#[must_use]
pub fn movable(code: &[u8]) -> Option<usize> {
    let code = code.get(code.len().checked_sub(WINDOW)?..)?;
    // What is the last instruction for who begins here? 0: that isn't known, or never arrives.
    let mut last = [0u8; WINDOW + 1];
    for start in (0..WINDOW).rev() {
        let Some(len) = code.get(start..).and_then(length) else { continue };
        let of_next = last.get(start + len).copied().unwrap_or(0);
        if let Some(place) = last.get_mut(start) {
            *place = if start + len == WINDOW { len as u8 } else { of_next };
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
        // With a REX prefix that doesn't widen the constant.
        [0x40..=0x47, 0xb8..=0xbf, _, _, _, _] => Some(len),
        _ => None,
    }
}

/// Machine code of a jump at `from` to `to`; `None` if that is too far.
#[must_use]
pub fn jump(from: usize, to: usize) -> Option<[u8; JUMP]> {
    let [a, b, c, d] = distance(from + JUMP, to)?;
    Some([0xe9, a, b, c, d])
}

/// Machine code of a stub at the address `at`: executes `moved`, then enters `entry` with the address
/// `next` in rcx. `None` if `next` is too far or `moved` too long.
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

/// Returns the length of the instruction that a stub at the address `at` has moved, and the address behind the call
/// site's `syscall`.
#[must_use]
pub fn origin(code: &[u8; STUB], at: usize) -> (usize, usize) {
    let moved = if matches!(code[0], 0x40..=0x47) { 6 } else { 5 };
    let mut to = [0; 4];
    for (place, &byte) in to.iter_mut().zip(code.iter().skip(moved + 3)) {
        *place = byte;
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

    /// Code that ends with `end`, behind more of the kind that compilers make.
    #[track_caller]
    fn check(end: &[u8], expected: Option<usize>) {
        // mov %rsp,%rdi; mov 8(%rsp),%rax; xor %edx,%edx; and again.
        let ordinary = [0x48, 0x89, 0xe7, 0x48, 0x8b, 0x44, 0x24, 0x08, 0x31, 0xd2];
        let mut code = [0u8; 200];
        for (place, byte) in code.iter_mut().zip(ordinary.iter().cycle()) {
            *place = *byte;
        }
        code[..10 * 16][10 * 16 - 10..].copy_from_slice(&ordinary);
        code[160..160 + end.len()].copy_from_slice(end);
        assert_eq!(movable(&code[..160 + end.len()]), expected, "{end:x?}");
    }

    #[test]
    fn loading_the_number_can_be_moved() {
        check(&[0xb8, 0x06, 0x01, 0, 0], Some(5));
    }

    #[test]
    fn loading_an_argument_last_can_be_moved() {
        check(&[0xbf, 0x9c, 0xff, 0xff, 0xff], Some(5));
        check(&[0x41, 0xba, 8, 0, 0, 0], Some(6));
    }

    #[test]
    fn the_end_of_another_instruction_is_no_load() {
        // movl $2,-0x48(%rbp): ends like mov $2,%eax.
        check(&[0xc7, 0x45, 0xb8, 2, 0, 0, 0], None);
        // mov 0x106(%r8),%edi
        check(&[0x41, 0x8b, 0xb8, 6, 1, 0, 0], None);
        // movabs with the same bytes in its constant
        check(&[0x48, 0xbe, 1, 2, 3, 0xb8, 2, 0, 0, 0], None);
    }

    #[test]
    fn what_depends_on_its_place_stays() {
        // lea 0x10(%rip),%rdi
        check(&[0x48, 0x8d, 0x3d, 0x10, 0, 0, 0], None);
        check(&[0x0f, 0x1f, 0x44, 0, 0], None);
    }

    #[test]
    fn too_little_code_to_be_sure_is_left_alone() {
        assert_eq!(movable(&[0xb8, 2, 0, 0, 0]), None);
    }

    #[test]
    fn stub_does_what_the_site_did() {
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
    fn what_is_too_far_is_refused() {
        assert_eq!(jump(0x40_0000, 0x7fff_0000_0000), None);
        assert_eq!(stub(0x40_0000, &[0x90; 5], 0x7fff_0000_0000, 0), None);
    }
}
