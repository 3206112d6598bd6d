//! Lengths of instructions and the choice of call sites to patch, compared with a disassembler.

use iced_x86::{Code, Decoder, DecoderOptions};
use newroot_sys::arch::length::{LONGEST, length};
use newroot_sys::arch::site::movable;

/// Reads arbitrary bytes as code.
///
/// # Panics
/// If the disassembler returns another length for a valid instruction, or if an instruction is
/// taken for movable that isn't.
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
