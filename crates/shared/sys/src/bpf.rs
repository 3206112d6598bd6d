//! Classic BPF as seccomp(2) runs it: instructions and an interpreter.
//!
//! Tests run our filters with the interpreter. It follows net/core/filter.c and kernel/seccomp.c,
//! and knows the instructions that seccomp's checker accepts.

/// An instruction: `struct sock_filter`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Insn {
    /// Operation code.
    pub code: u16,
    /// Number of instructions to skip if a comparison holds.
    pub jt: u8,
    /// Number of instructions to skip if it doesn't hold.
    pub jf: u8,
    /// Operand.
    pub k: u32,
}

/// `struct sock_fprog` as a 64-bit process passes it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// Number of instructions.
    pub len: u16,
    /// Address of the first instruction.
    pub instructions: usize,
}

/// `struct seccomp_data`: the view that a filter has of a call.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct Data {
    /// System call number.
    pub number: u32,
    /// AUDIT_ARCH_*.
    pub arch: u32,
    /// Address behind the system call instruction.
    pub ip: u64,
    /// Arguments.
    pub arguments: [u64; 6],
}

/// Offset of the number in [`Data`].
pub const NUMBER: u32 = 0;
/// Offset of the architecture in [`Data`].
pub const ARCH: u32 = 4;
/// Offset of the lower half of the instruction pointer in [`Data`] (little-endian).
pub const IP_LOW: u32 = 8;
/// Offset of the upper half of the instruction pointer in [`Data`].
pub const IP_HIGH: u32 = 12;

/// Returns the offset of the lower half of an argument in [`Data`].
#[must_use]
pub const fn argument_low(index: u8) -> u32 {
    16 + index as u32 * 8
}

/// Returns the offset of the upper half of an argument in [`Data`].
#[must_use]
pub const fn argument_high(index: u8) -> u32 {
    argument_low(index) + 4
}

/// Largest number of instructions in a program that the kernel accepts (BPF_MAXINSNS).
pub const MAX_INSNS: usize = 4096;

/// Load a word of [`Data`] into the accumulator.
pub const LD_ABS: u16 = 0x20;
/// Jump always.
pub const JA: u16 = 0x05;
/// Jump if equal.
pub const JEQ: u16 = 0x15;
/// Jump if greater (unsigned).
pub const JGT: u16 = 0x25;
/// Jump if greater or equal (unsigned).
pub const JGE: u16 = 0x35;
/// Jump if any of these bits is set.
pub const JSET: u16 = 0x45;
/// Return a constant.
pub const RET: u16 = 0x06;
/// Return the accumulator.
pub const RET_A: u16 = 0x16;
/// Load a constant into the accumulator.
pub const LD_IMM: u16 = 0x00;
/// Copy the accumulator to the index register.
pub const TAX: u16 = 0x07;
/// Copy the index register to the accumulator.
pub const TXA: u16 = 0x87;

impl Data {
    fn word(&self, offset: u32) -> Option<u32> {
        let half = |value: u64, high: bool| if high { (value >> 32) as u32 } else { value as u32 };
        match offset {
            NUMBER => Some(self.number),
            ARCH => Some(self.arch),
            IP_LOW | IP_HIGH => Some(half(self.ip, offset == IP_HIGH)),
            16..64 if offset.is_multiple_of(4) => {
                let argument = self.arguments.get((offset as usize - 16) / 8)?;
                Some(half(*argument, offset % 8 == 4))
            }
            _ => None,
        }
    }
}

/// Runs a program and returns its SECCOMP_RET_* value. For a program that the kernel's checker
/// would have rejected, returns SECCOMP_RET_KILL_THREAD, which is 0.
#[must_use]
pub fn run(program: &[Insn], data: &Data) -> u32 {
    execute(program, data).unwrap_or(0)
}

fn execute(program: &[Insn], data: &Data) -> Option<u32> {
    let mut a = 0u32;
    let mut x = 0u32;
    let mut memory = [0u32; 16];
    let mut pc = 0usize;
    loop {
        let insn = program.get(pc)?;
        pc += 1;
        let operand = if insn.code & 0x08 != 0 { x } else { insn.k };
        match insn.code & 0x07 {
            // ld
            0x00 => {
                a = match insn.code {
                    0x00 => insn.k,
                    LD_ABS => data.word(insn.k)?,
                    0x80 => size_of::<Data>() as u32,
                    0x60 => *memory.get(insn.k as usize)?,
                    _ => return None,
                }
            }
            // ldx
            0x01 => {
                x = match insn.code {
                    0x01 => insn.k,
                    0x81 => size_of::<Data>() as u32,
                    0x61 => *memory.get(insn.k as usize)?,
                    _ => return None,
                }
            }
            0x02 => *memory.get_mut(insn.k as usize)? = a,
            0x03 => *memory.get_mut(insn.k as usize)? = x,
            // alu
            0x04 => {
                a = match insn.code & 0xf0 {
                    0x00 => a.wrapping_add(operand),
                    0x10 => a.wrapping_sub(operand),
                    0x20 => a.wrapping_mul(operand),
                    // Division by zero ends the program with 0, as in the kernel's interpreter.
                    0x30 if operand == 0 => return Some(0),
                    0x30 => a / operand,
                    0x40 => a | operand,
                    0x50 => a & operand,
                    0x60 => a.wrapping_shl(operand),
                    0x70 => a.wrapping_shr(operand),
                    0x80 => a.wrapping_neg(),
                    0xa0 => a ^ operand,
                    _ => return None,
                }
            }
            // jmp
            0x05 => {
                let taken = match insn.code & 0xf0 {
                    0x00 => {
                        pc += insn.k as usize;
                        continue;
                    }
                    0x10 => a == operand,
                    0x20 => a > operand,
                    0x30 => a >= operand,
                    0x40 => a & operand != 0,
                    _ => return None,
                };
                pc += usize::from(if taken { insn.jt } else { insn.jf });
            }
            0x06 => return Some(if insn.code & 0x18 == 0x10 { a } else { insn.k }),
            // misc: tax, txa
            _ => match insn.code {
                0x07 => x = a,
                0x87 => a = x,
                _ => return None,
            },
        }
    }
}
