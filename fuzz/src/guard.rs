//! A guest's own seccomp filter, and the code that newroot puts around it.

use arbitrary::{Result, Unstructured};
use newroot_sys::bpf::{self, Data, Insn};
use newroot_sys::filter::{ALLOW, ERRNO};
use newroot_sys::guard::{GUARD_LEN, NO_ANSWER, enclose};

use crate::filter::{pointer, shim};

const DIVIDE_BY_X: u16 = 0x3c;

/// Builds a program and calls from the bytes, encloses the program, and compares its verdict on
/// each call.
///
/// # Panics
/// If the kernel would accept only one of the guest's program and the enclosed program, or if their
/// verdicts differ.
pub fn check(bytes: &[u8]) {
    // The calls end where the bytes do.
    let _ = ask(&mut Unstructured::new(bytes));
}

fn ask(bytes: &mut Unstructured<'_>) -> Result<()> {
    let shim = shim(bytes)?;
    let mut program = Vec::new();
    for _ in 0..bytes.int_in_range(0..=40)? {
        program.push(instruction(bytes)?);
    }
    if bytes.ratio(7, 8)? {
        program.push(ret(bytes)?);
    }
    let mut buffer = vec![Insn::default(); bpf::MAX_INSNS];
    buffer[GUARD_LEN..GUARD_LEN + program.len()].copy_from_slice(&program);
    let enclosed = match enclose(shim, &mut buffer, program.len()) {
        Some(len) => &buffer[..len],
        None => {
            assert!(!kernel_accepts(&program), "{program:x?}");
            return Ok(());
        }
    };
    if !kernel_accepts(&program) {
        // The one exception is an uninitialized load behind a return, which nothing reaches: the
        // kernel accepts the jump that replaces the return.
        assert!(!kernel_accepts(enclosed) || !loads_are_initialized(&program), "{program:x?}");
        return Ok(());
    }
    assert!(kernel_accepts(enclosed), "{program:x?}");
    while !bytes.is_empty() {
        let call = Data {
            number: bytes.int_in_range(0..=8)?,
            arch: bytes.arbitrary()?,
            ip: pointer(bytes, shim)?,
            arguments: bytes.arbitrary()?,
        };
        let guests = bpf::run(&program, &call);
        let expected = match u32::try_from(call.ip) {
            Ok(ip) if ip == shim.probe && (guests as i32) < ERRNO as i32 => ERRNO | u32::from(NO_ANSWER),
            Ok(ip) if ip == shim.probe => guests,
            Ok(ip) if ip > shim.start && ip <= shim.end => ALLOW,
            _ => guests,
        };
        let answer = bpf::run(enclosed, &call);
        // A division by zero ends the thread anywhere. The guest's own call met it too.
        if answer == 0 && guests == 0 && program.iter().any(|insn| insn.code == DIVIDE_BY_X) {
            continue;
        }
        assert_eq!(answer, expected, "{shim:x?} {program:x?} {call:x?}");
    }
    Ok(())
}

/// Returns an instruction, mostly a valid one with short jumps.
fn instruction(bytes: &mut Unstructured<'_>) -> Result<Insn> {
    const CODES: &[u16] = &[
        0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x14, 0x15, 0x16, 0x1c, 0x1d, 0x20, 0x24, 0x25,
        0x2c, 0x2d, 0x34, 0x35, 0x3c, 0x3d, 0x44, 0x45, 0x4c, 0x4d, 0x54, 0x5c, 0x60, 0x61, 0x64, 0x6c, 0x74,
        0x7c, 0x80, 0x81, 0x84, 0x87, 0xa4, 0xac,
    ];
    if bytes.ratio(1, 16)? {
        return ret(bytes);
    }
    let code = if bytes.ratio(1, 32)? { bytes.arbitrary()? } else { *bytes.choose(CODES)? };
    let k = match bytes.int_in_range(0..=3)? {
        0 => bytes.arbitrary()?,
        1 => bytes.int_in_range(0..=15)? * 4,
        _ => bytes.int_in_range(0..=8)?,
    };
    Ok(Insn { code, jt: bytes.int_in_range(0..=4)?, jf: bytes.int_in_range(0..=4)?, k })
}

fn ret(bytes: &mut Unstructured<'_>) -> Result<Insn> {
    const ACTIONS: &[u32] = &[
        0x8000_0000,
        0,
        0x0003_0000,
        0x0005_0000,
        0x7fc0_0000,
        0x7ff0_0000,
        0x7ffc_0000,
        0x7fff_0000,
        0x0004_0000,
    ];
    let k = if bytes.ratio(1, 8)? {
        bytes.arbitrary()?
    } else {
        bytes.choose(ACTIONS)? | u32::from(bytes.int_in_range(0..=3_u16)?)
    };
    Ok(Insn { code: if bytes.ratio(1, 8)? { bpf::RET_A } else { bpf::RET }, jt: 0, jf: 0, k })
}

/// Checks whether seccomp(2) accepts a program (`bpf_check_classic` and `check_load_and_stores` of
/// net/core/filter.c, `seccomp_check_filter` of kernel/seccomp.c).
pub(crate) fn kernel_accepts(program: &[Insn]) -> bool {
    let has_return = matches!(program.last(), Some(Insn { code: bpf::RET | bpf::RET_A, .. }));
    let is_known = |(at, insn): (usize, &Insn)| is_known(program.len() - at - 1, *insn);
    let size = 1..=bpf::MAX_INSNS;
    size.contains(&program.len())
        && has_return
        && program.iter().enumerate().all(is_known)
        && loads_are_initialized(program)
}

/// Checks whether an instruction is valid with this number of instructions behind it.
fn is_known(following: usize, insn: Insn) -> bool {
    let lands = |distance: usize| distance < following;
    match insn.code {
        // Words of the call's data.
        0x20 => insn.k < size_of::<Data>() as u32 && insn.k.is_multiple_of(4),
        // ld and ldx of constants and of the data's length; returns; tax and txa.
        0x00 | 0x01 | 0x80 | 0x81 | 0x06 | 0x16 | 0x07 | 0x87 => true,
        // Memory: ld, ldx, st, stx.
        0x60 | 0x61 | 0x02 | 0x03 => insn.k < 16,
        // Division by a constant.
        0x34 => insn.k != 0,
        // Shifts by a constant.
        0x64 | 0x74 => insn.k < 32,
        // All other arithmetic.
        0x04 | 0x0c | 0x14 | 0x1c | 0x24 | 0x2c | 0x3c | 0x44 | 0x4c | 0x54 | 0x5c | 0x6c | 0x7c | 0x84
        | 0xa4 | 0xac => true,
        0x05 => lands(insn.k as usize),
        0x15 | 0x1d | 0x25 | 0x2d | 0x35 | 0x3d | 0x45 | 0x4d => {
            lands(insn.jt.into()) && lands(insn.jf.into())
        }
        _ => false,
    }
}

/// Checks whether every word of memory that is loaded was stored before, on each path to the load.
fn loads_are_initialized(program: &[Insn]) -> bool {
    // For each instruction, the words that were certainly stored on all paths known so far.
    let mut certain = vec![u16::MAX; program.len()];
    let mut now = 0_u16;
    for (at, insn) in program.iter().enumerate() {
        now &= certain[at];
        let mut also = |distance: usize, now: u16| {
            if let Some(certain) = certain.get_mut(at + 1 + distance) {
                *certain &= now;
            }
        };
        match insn.code {
            0x02 | 0x03 => now |= 1 << insn.k,
            0x60 | 0x61 if now & 1 << insn.k == 0 => return false,
            0x05 => {
                also(insn.k as usize, now);
                now = u16::MAX;
            }
            0x15 | 0x1d | 0x25 | 0x2d | 0x35 | 0x3d | 0x45 | 0x4d => {
                also(insn.jt.into(), now);
                also(insn.jf.into(), now);
                now = u16::MAX;
            }
            _ => {}
        }
    }
    true
}
