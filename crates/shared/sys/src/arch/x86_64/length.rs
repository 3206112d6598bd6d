//! Length of an instruction (Intel SDM volume 2, chapter 2 and appendix A; AMD64 APM volume 3).
//!
//! This module decodes nothing but the length, which suffices to find where instructions begin. It
//! runs in a guest process, so it neither allocates nor panics. A test compares it with a full
//! disassembler over the code of a whole program.

/// Bytes of the longest possible instruction.
pub const LONGEST: usize = 15;

/// The parts of an instruction that follow the opcode.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Form {
    /// A ModRM byte, with the SIB byte and displacement that it implies.
    modrm: bool,
    immediate: Immediate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Immediate {
    None,
    /// This number of bytes.
    Bytes(usize),
    /// Two bytes with an operand-size prefix, else four.
    Operand,
    /// Eight bytes with REX.W, else as `Operand`.
    Wide,
    /// An address: four bytes with an address-size prefix, else eight.
    Address,
    /// For F6 and F7: if ModRM.reg is 0 or 1, as many bytes as the operand has, at most four. True
    /// for a byte operand.
    Test(bool),
}

const fn form(modrm: bool, immediate: Immediate) -> Option<Form> {
    Some(Form { modrm, immediate })
}

/// A cursor over the bytes of one instruction.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.at += count;
        (self.at <= self.bytes.len() && self.at <= LONGEST).then_some(())
    }
}

/// Returns the length of the instruction at the beginning of `bytes`. Returns `None` if there is no
/// such instruction in 64-bit mode, or if `bytes` ends inside it.
#[must_use]
pub fn length(bytes: &[u8]) -> Option<usize> {
    let mut reader = Reader { bytes, at: 0 };
    let (mut small_operand, mut small_address, mut rex, mut repeat) = (false, false, 0u8, 0u8);
    let opcode = loop {
        match reader.next()? {
            0x66 => (small_operand, rex) = (true, 0),
            0x67 => (small_address, rex) = (true, 0),
            byte @ (0xf2 | 0xf3) => (repeat, rex) = (byte, 0),
            0x26 | 0x2e | 0x36 | 0x3e | 0x64 | 0x65 | 0xf0 => rex = 0,
            byte @ 0x40..=0x4f => rex = byte,
            opcode => break opcode,
        }
    };
    let form = match opcode {
        0x0f => match reader.next()? {
            0x38 => {
                reader.next()?;
                form(true, Immediate::None)
            }
            0x3a => {
                reader.next()?;
                form(true, Immediate::Bytes(1))
            }
            // AMD's EXTRQ and INSERTQ, which share the opcode of VMREAD and have these prefixes.
            0x78 if repeat == 0xf2 || repeat == 0 && small_operand => form(true, Immediate::Bytes(2)),
            second => two_byte(second),
        },
        0xc5 => {
            reader.next()?;
            vector(1, reader.next()?)
        }
        0xc4 => {
            let map = reader.next()? & 0x1f;
            reader.next()?;
            vector(map, reader.next()?)
        }
        0x62 => {
            let map = reader.next()? & 0x07;
            reader.skip(2)?;
            vector(map, reader.next()?)
        }
        // XOP: 8F with a map of 8 or more; a smaller map means POP.
        0x8f if reader.bytes.get(reader.at)? & 0x1f >= 8 => {
            let map = reader.next()? & 0x1f;
            reader.skip(2)?;
            match map {
                8 => form(true, Immediate::Bytes(1)),
                9 => form(true, Immediate::None),
                10 => form(true, Immediate::Bytes(4)),
                _ => None,
            }
        }
        opcode => one_byte(opcode),
    }?;
    let mut register = 0;
    if form.modrm {
        let modrm = reader.next()?;
        register = modrm >> 3 & 7;
        reader.skip(after_modrm(modrm, reader.bytes.get(reader.at).copied())?)?;
    }
    let operand = if small_operand && rex & 8 == 0 { 2 } else { 4 };
    reader.skip(match form.immediate {
        Immediate::None => 0,
        Immediate::Bytes(count) => count,
        Immediate::Operand => operand,
        Immediate::Wide => {
            if rex & 8 != 0 {
                8
            } else {
                operand
            }
        }
        Immediate::Address => {
            if small_address {
                4
            } else {
                8
            }
        }
        Immediate::Test(_) if register > 1 => 0,
        Immediate::Test(byte) => {
            if byte {
                1
            } else {
                operand
            }
        }
    })?;
    Some(reader.at)
}

/// Returns the number of bytes of SIB and displacement behind a ModRM byte. `next` is the byte
/// behind it.
fn after_modrm(modrm: u8, next: Option<u8>) -> Option<usize> {
    let (mode, base) = (modrm >> 6, modrm & 7);
    if mode == 3 {
        return Some(0);
    }
    let sib = usize::from(base == 4);
    let bare_base = if base == 4 { next? & 7 } else { base };
    Some(match mode {
        0 if bare_base == 5 => sib + 4,
        0 => sib,
        1 => sib + 1,
        _ => sib + 4,
    })
}

fn one_byte(opcode: u8) -> Option<Form> {
    match opcode {
        // The eight arithmetic groups: each has the same six forms, and two opcodes that no longer
        // exist.
        0x00..=0x3f => match opcode & 7 {
            0..=3 => form(true, Immediate::None),
            4 => form(false, Immediate::Bytes(1)),
            5 => form(false, Immediate::Operand),
            _ => None,
        },
        0x50..=0x5f | 0x6c..=0x6f | 0x90..=0x99 | 0x9b..=0x9f | 0xa4..=0xa7 | 0xaa..=0xaf => {
            form(false, Immediate::None)
        }
        0x63 | 0x84..=0x8f | 0xd0..=0xd3 | 0xd8..=0xdf | 0xfe | 0xff => form(true, Immediate::None),
        0x68 | 0xa9 => form(false, Immediate::Operand),
        0x69 | 0x81 | 0xc7 => form(true, Immediate::Operand),
        0x6a | 0x70..=0x7f | 0xa8 | 0xb0..=0xb7 | 0xcd | 0xe0..=0xe7 | 0xeb => {
            form(false, Immediate::Bytes(1))
        }
        0x6b | 0x80 | 0x83 | 0xc0 | 0xc1 | 0xc6 => form(true, Immediate::Bytes(1)),
        0xa0..=0xa3 => form(false, Immediate::Address),
        0xb8..=0xbf => form(false, Immediate::Wide),
        0xc2 | 0xca => form(false, Immediate::Bytes(2)),
        0xc8 => form(false, Immediate::Bytes(3)),
        0xc3 | 0xc9 | 0xcb | 0xcc | 0xcf | 0xd7 | 0xec..=0xef | 0xf1 | 0xf4 | 0xf5 | 0xf8..=0xfd => {
            form(false, Immediate::None)
        }
        // Near calls and jumps: four bytes even with an operand-size prefix (Intel; AMD differs
        // with 66).
        0xe8 | 0xe9 => form(false, Immediate::Bytes(4)),
        0xf6 => form(true, Immediate::Test(true)),
        0xf7 => form(true, Immediate::Test(false)),
        _ => None,
    }
}

fn two_byte(opcode: u8) -> Option<Form> {
    match opcode {
        0x05..=0x09 | 0x0b | 0x0e | 0x30..=0x35 | 0x37 | 0x77 | 0xa0..=0xa2 | 0xa8..=0xaa | 0xc8..=0xcf => {
            form(false, Immediate::None)
        }
        // Moves from and to control and debug registers: their ModRM byte never addresses memory.
        0x20..=0x23 => form(false, Immediate::Bytes(1)),
        0x80..=0x8f => form(false, Immediate::Bytes(4)),
        0x0f | 0x70..=0x73 | 0xa4 | 0xac | 0xba | 0xc2 | 0xc4..=0xc6 => form(true, Immediate::Bytes(1)),
        0x04 | 0x0a | 0x0c | 0x24..=0x27 | 0x36 | 0x39 | 0x3b..=0x3f | 0x7a | 0x7b => None,
        _ => form(true, Immediate::None),
    }
}

/// Returns the form of a VEX or EVEX instruction, by its opcode map.
fn vector(map: u8, opcode: u8) -> Option<Form> {
    match (map, opcode) {
        (1, 0x77) => form(false, Immediate::None),
        (1, 0x70..=0x73 | 0xc2 | 0xc4..=0xc6) | (3, _) => form(true, Immediate::Bytes(1)),
        (1 | 2 | 5 | 6, _) => form(true, Immediate::None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::length;

    #[test]
    fn instructions_of_each_form_have_the_right_length() {
        for (bytes, expected) in [
            (&[0xb8, 1, 0, 0, 0][..], Some(5)),
            (&[0x41, 0xba, 8, 0, 0, 0], Some(6)),
            (&[0x48, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8], Some(10)),
            (&[0x66, 0xb8, 1, 0], Some(4)),
            (&[0x0f, 0x05], Some(2)),
            (&[0x48, 0x3d, 0, 0xf0, 0xff, 0xff], Some(6)),
            (&[0x8b, 0x84, 0x24, 1, 2, 3, 4], Some(7)),
            (&[0x8b, 0x04, 0x25, 1, 2, 3, 4], Some(7)),
            (&[0x8b, 0x05, 1, 2, 3, 4], Some(6)),
            (&[0xf7, 0xc1, 1, 0, 0, 0], Some(6)),
            (&[0xf7, 0xd9], Some(2)),
            (&[0xc5, 0xf8, 0x77], Some(3)),
            (&[0x62, 0xf1, 0x7c, 0x48, 0x10, 0x47, 0x01], Some(7)),
            (&[0x0f, 0x3a, 0x0f, 0xc1, 4], Some(5)),
            (&[0x0f, 0x21, 0x0d, 0, 0, 0, 0], Some(3)),
            (&[0x0f, 0xa7, 0xc0], Some(3)),
            (&[0x66, 0x0f, 0x78, 0xc3, 0x41, 0xdd], Some(6)),
            (&[0xf2, 0x0f, 0x78, 0xc3, 0x41, 0xdd], Some(6)),
            (&[0x0f, 0x78, 0xc3], Some(3)),
            (&[0x06], None),
            (&[0xb8, 1, 0, 0], None),
            (&[], None),
        ] {
            assert_eq!(length(bytes), expected, "{bytes:x?}");
        }
    }

    /// Compares lengths over the code of this test program, which contains a C library.
    #[test]
    fn lengths_in_a_whole_program_agree_with_a_disassembler() {
        extern crate std;
        use object::{Object as _, ObjectSection as _, SectionKind};

        let file = std::fs::read("/proc/self/exe").unwrap();
        let file = object::File::parse(&*file).unwrap();
        let mut count = 0;
        for section in file.sections().filter(|section| section.kind() == SectionKind::Text) {
            let code = section.data().unwrap();
            let decoder = iced_x86::Decoder::new(64, code, iced_x86::DecoderOptions::NONE);
            let mut at = 0;
            for instruction in decoder {
                let end = at + instruction.len();
                if !instruction.is_invalid() {
                    let bytes = &code[at..];
                    assert_eq!(
                        length(bytes),
                        Some(instruction.len()),
                        "{instruction}: {:x?}",
                        &code[at..end]
                    );
                    count += 1;
                }
                at = end;
            }
        }
        assert!(count > 100_000, "only {count} instructions");
    }
}
