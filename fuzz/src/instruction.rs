//! The length of a guest's instruction, and the call sites that may be patched. A disassembler is asked, too.

use iced_x86::{Code, Decoder, DecoderOptions};
use newroot_sys::arch::length::{LONGEST, length};
use newroot_sys::arch::site::movable;

/// Takes any bytes for code.
///
/// # Panics
/// If the disassembler knows an instruction to be of another length, or one is taken to be movable that isn't.
pub fn check(bytes: &[u8]) {
    let ours = length(bytes);
    assert!(ours.is_none_or(|len| (1..=LONGEST.min(bytes.len())).contains(&len)), "{ours:?}");
    let mut decoder = Decoder::new(64, bytes, DecoderOptions::NONE);
    if decoder.can_decode() {
        let instruction = decoder.decode();
        if !instruction.is_invalid() {
            assert_eq!(ours, Some(instruction.len()), "{instruction}: {bytes:x?}");
        }
    }
    if let Some(len) = movable(bytes) {
        let code = &bytes[bytes.len() - len..];
        let instruction = Decoder::new(64, code, DecoderOptions::NONE).decode();
        assert_eq!(instruction.len(), len);
        assert_eq!(instruction.code(), Code::Mov_r32_imm32, "{instruction}");
    }
}
