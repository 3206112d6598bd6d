//! Adaptation of the guest's own seccomp filters to a process that contains the shim.
//!
//! The kernel applies the strictest verdict of all filters. A guest's allow-list would therefore
//! kill the shim's calls, and its verdict on a call that our filter traps would never take effect.
//! So the shim installs a guest's program with code in front of it and behind it:
//!
//! - The guard in front allows the shim's own calls without running the guest's program.
//! - One kind of call is the exception: a call that the shim makes at its [probe](Shim::probe) is
//!   passed to the program with the number and arguments that the guest used. Our own filter keeps
//!   such a call from running: its verdict is [`NO_ANSWER`], which is overridden by an errno of a
//!   newer filter and itself overrides any verdict that would run the call. The probe thus returns
//!   the errno of the guest's filters; and the kernel, which knows the filters of the calling
//!   thread, decides which ones apply.
//! - The code behind the program drops, at the probe, verdicts that end the thread or send it a
//!   signal. They took effect when the guest made the call; a second time they would hit the shim.

use crate::bpf::{self, Insn};
use crate::filter::{self, ALLOW, ERRNO, Shim};
use crate::raw;

/// The errno that means "no filter of the guest returns an errno". The kernel itself never uses it.
pub const NO_ANSWER: u16 = 0xda7;

/// The errno that a guest's filter returns at the probe for prctl(PR_GET_SECCOMP, [`IS_ANY`]),
/// which shows that it applies to the calling thread.
pub const THERE_IS: u16 = 0xda8;
/// Second argument of that query, which no call of the guest has.
pub const IS_ANY: u32 = 0x6e72_6669;

/// Number of instructions in front of a guest's program.
pub const GUARD_LEN: usize = 13;

/// Builds the program to install for a guest's program of `len` instructions. The guest's program
/// lies in `out` behind [`GUARD_LEN`] free instructions. Returns the length of the whole program,
/// or `None` if the kernel would reject the guest's program or if `out` is too short.
#[must_use]
pub fn enclose(shim: Shim, out: &mut [Insn], len: usize) -> Option<usize> {
    let capacity = out.len().min(bpf::MAX_INSNS);
    let out = out.get_mut(..capacity)?;
    let end = GUARD_LEN.checked_add(len)?;
    // Without this check, a jump beyond the guest's program would land in the code behind it.
    check_jumps(out.get(GUARD_LEN..end)?)?;
    out.get_mut(..GUARD_LEN)?.copy_from_slice(&guard(shim));

    let mut stubs = Stubs { first: end, end };
    for at in GUARD_LEN..end {
        let insn = *out.get(at)?;
        if insn.code == bpf::RET && is_final(insn.k) {
            let stub = stubs.find_or_add(out, insn.k)?;
            *out.get_mut(at)? = jump(at, stub)?;
        }
    }
    // The check comes behind the stubs. Now that its position is known, let the stubs jump to it.
    let check = stubs.end;
    for at in (stubs.first..stubs.end).skip(1).step_by(STUB_LEN) {
        *out.get_mut(at)? = jump(at, check)?;
    }
    for at in GUARD_LEN..end {
        if out.get(at)?.code == bpf::RET_A {
            *out.get_mut(at)? = jump(at, check)?;
        }
    }
    let answer = answer(shim);
    let whole = check + answer.len();
    out.get_mut(check..whole)?.copy_from_slice(&answer);
    Some(whole)
}

/// Checks whether a verdict affects the thread at once: it is stricter than an errno.
fn is_final(answer: u32) -> bool {
    // The kernel compares verdicts as signed numbers (kernel/seccomp.c).
    (answer as i32) < ERRNO as i32
}

/// Stubs between the program and the check, one for each distinct verdict that must be checked. A
/// stub loads the verdict and jumps to the check.
struct Stubs {
    first: usize,
    end: usize,
}

const STUB_LEN: usize = 2;

impl Stubs {
    fn find_or_add(&mut self, out: &mut [Insn], answer: u32) -> Option<usize> {
        let known = out.get(self.first..self.end)?.iter().step_by(STUB_LEN).position(|load| load.k == answer);
        if let Some(index) = known {
            return Some(self.first + index * STUB_LEN);
        }
        let at = self.end;
        *out.get_mut(at)? = insn(bpf::LD_IMM, answer, 0, 0);
        *out.get_mut(at + 1)? = Insn::default();
        self.end = at + STUB_LEN;
        Some(at)
    }
}

const fn insn(code: u16, k: u32, jt: u8, jf: u8) -> Insn {
    Insn { code, jt, jf, k }
}

/// Returns a jump at `from` that lands on `to`.
fn jump(from: usize, to: usize) -> Option<Insn> {
    Some(insn(bpf::JA, u32::try_from(to.checked_sub(from + 1)?).ok()?, 0, 0))
}

/// Checks that every jump lands within the program, and that execution can't run past its end
/// (bpf_check_classic() in net/core/filter.c).
fn check_jumps(program: &[Insn]) -> Option<()> {
    const CLASS: u16 = 7;
    const JUMP: u16 = 5;
    const RETURN: u16 = 6;
    for (at, insn) in program.iter().enumerate() {
        let left = program.len() - at - 1;
        let farthest = match insn.code {
            bpf::JA => insn.k as usize,
            code if code & CLASS == JUMP => usize::from(insn.jt.max(insn.jf)),
            _ => continue,
        };
        if farthest >= left {
            return None;
        }
    }
    (program.last()?.code & CLASS == RETURN).then_some(())
}

/// Returns the code in front of a program. It allows the shim's calls except those at the probe,
/// answers the query [`IS_ANY`] there with [`THERE_IS`], and passes all other calls on to the
/// program.
fn guard(shim: Shim) -> [Insn; GUARD_LEN] {
    [
        insn(bpf::LD_ABS, bpf::IP_HIGH, 0, 0),
        insn(bpf::JEQ, 0, 0, 10),
        insn(bpf::LD_ABS, bpf::IP_LOW, 0, 0),
        insn(bpf::JEQ, shim.probe, 3, 0),
        // The pointer is the address behind the instruction, so the end is inclusive.
        insn(bpf::JGT, shim.end, 7, 0),
        insn(bpf::JGT, shim.start, 0, 6),
        insn(bpf::RET, ALLOW, 0, 0),
        insn(bpf::LD_ABS, bpf::NUMBER, 0, 0),
        insn(bpf::JEQ, raw::__NR_prctl, 0, 3),
        insn(bpf::LD_ABS, bpf::argument_low(1), 0, 0),
        insn(bpf::JEQ, IS_ANY, 0, 1),
        insn(bpf::RET, ERRNO | THERE_IS as u32, 0, 0),
        // A program starts with a zero in the accumulator.
        insn(bpf::LD_IMM, 0, 0, 0),
    ]
}

/// Returns the code that returns the accumulator's verdict, except that at the probe a
/// [final](is_final) verdict becomes [`NO_ANSWER`].
fn answer(shim: Shim) -> [Insn; 11] {
    [
        insn(bpf::TAX, 0, 0, 0),
        insn(bpf::LD_ABS, bpf::IP_HIGH, 0, 0),
        insn(bpf::JEQ, 0, 0, 6),
        insn(bpf::LD_ABS, bpf::IP_LOW, 0, 0),
        insn(bpf::JEQ, shim.probe, 0, 4),
        insn(bpf::TXA, 0, 0, 0),
        // Verdicts that are negative as signed numbers.
        insn(bpf::JGE, 1 << 31, 1, 0),
        insn(bpf::JGE, ERRNO, 1, 0),
        insn(bpf::RET, filter::ERRNO | NO_ANSWER as u32, 0, 0),
        insn(bpf::TXA, 0, 0, 0),
        insn(bpf::RET_A, 0, 0, 0),
    ]
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;
    use crate::bpf::{Data, run};
    use crate::filter::TRAP;

    const SHIM: Shim = Shim { start: 0x7000_0000, end: 0x7001_0000, probe: 0x7000_0102 };
    const GUEST: u64 = 0x5555_5555_1234;
    const KILL_PROCESS: u32 = 0x8000_0000;
    const KILL_THREAD: u32 = 0;
    const TRACE: u32 = 0x7ff0_0000;

    fn enclosed(program: &[Insn]) -> Option<Vec<Insn>> {
        let mut out = [Insn::default(); bpf::MAX_INSNS];
        out[GUARD_LEN..GUARD_LEN + program.len()].copy_from_slice(program);
        let len = enclose(SHIM, &mut out, program.len())?;
        Some(out[..len].to_vec())
    }

    fn answer_at(program: &[Insn], ip: u64, number: u32) -> u32 {
        let program = enclosed(program).expect("a program that the kernel accepts");
        run(&program, &Data { number, ip, ..Data::default() })
    }

    const fn ret(k: u32) -> Insn {
        insn(bpf::RET, k, 0, 0)
    }

    const ANSWERS: [u32; 9] = [
        KILL_PROCESS,
        KILL_PROCESS | 7,
        KILL_THREAD,
        TRAP | 5,
        0xffff_0000,
        ERRNO | 13,
        TRACE | 1,
        0x7fc0_0000,
        ALLOW,
    ];

    #[test]
    fn the_guest_gets_the_verdict_of_its_filter() {
        for answer in ANSWERS {
            assert_eq!(answer_at(&[ret(answer)], GUEST, 0), answer);
        }
    }

    #[test]
    fn the_shims_calls_are_allowed() {
        for answer in ANSWERS {
            for ip in [0x7000_0001, 0x7000_0101, 0x7001_0000] {
                assert_eq!(answer_at(&[ret(answer)], ip, 0), ALLOW);
            }
            // Addresses with the same lower half, or just outside the range, don't belong to the
            // shim.
            for ip in [0x1_7000_0102, 0x7000_0000, 0x7001_0001] {
                assert_eq!(answer_at(&[ret(answer)], ip, 0), answer);
            }
        }
    }

    #[test]
    fn the_probe_gets_only_errnos_and_laxer_verdicts() {
        for answer in ANSWERS {
            let expected = if is_final(answer) { ERRNO | u32::from(NO_ANSWER) } else { answer };
            assert_eq!(answer_at(&[ret(answer)], u64::from(SHIM.probe), 0), expected, "{answer:#x}");
        }
    }

    #[test]
    fn the_query_at_the_probe_finds_a_filter() {
        let data = |ip, argument| Data {
            number: raw::__NR_prctl,
            ip,
            arguments: [21, argument, 0, 0, 0, 0],
            ..Data::default()
        };
        let (probe, is_any) = (u64::from(SHIM.probe), u64::from(IS_ANY));
        for answer in ANSWERS {
            let program = enclosed(&[ret(answer)]).expect("fits");
            assert_eq!(run(&program, &data(probe, is_any)), ERRNO | u32::from(THERE_IS));
            assert_eq!(run(&program, &data(GUEST, is_any)), answer);
            assert_ne!(run(&program, &data(probe, 0)), ERRNO | u32::from(THERE_IS));
        }
    }

    #[test]
    fn a_computed_verdict_is_treated_like_a_constant_one() {
        for answer in ANSWERS {
            let program = [insn(bpf::LD_IMM, answer, 0, 0), insn(bpf::RET_A, 0, 0, 0)];
            let expected = if is_final(answer) { ERRNO | u32::from(NO_ANSWER) } else { answer };
            assert_eq!(answer_at(&program, GUEST, 0), answer);
            assert_eq!(answer_at(&program, u64::from(SHIM.probe), 0), expected, "{answer:#x}");
        }
    }

    #[test]
    fn jumps_keep_their_targets() {
        // Numbers 1 and 3 are killed, 2 is trapped, all others are denied.
        let program = [
            insn(bpf::LD_ABS, bpf::NUMBER, 0, 0),
            insn(bpf::JEQ, 1, 3, 0),
            insn(bpf::JEQ, 2, 3, 0),
            insn(bpf::JEQ, 3, 1, 0),
            ret(ERRNO | 1),
            ret(KILL_PROCESS),
            ret(TRAP | 9),
        ];
        let at = |ip, number| answer_at(&program, ip, number);
        assert_eq!(
            [1, 2, 3, 4].map(|number| at(GUEST, number)),
            [KILL_PROCESS, TRAP | 9, KILL_PROCESS, ERRNO | 1]
        );
        let nothing = ERRNO | u32::from(NO_ANSWER);
        let probe = u64::from(SHIM.probe);
        assert_eq!([1, 2, 3, 4].map(|number| at(probe, number)), [nothing, nothing, nothing, ERRNO | 1]);
    }

    #[test]
    fn equal_verdicts_share_a_stub() {
        let two = enclosed(&[ret(TRAP), ret(TRAP)]).expect("fits");
        let one = enclosed(&[ret(TRAP)]).expect("fits");
        assert_eq!(two.len(), one.len() + 1);
    }

    #[test]
    fn a_program_starts_with_a_zero_in_the_accumulator() {
        let program = [insn(bpf::JEQ, 0, 0, 1), ret(ERRNO | 1), ret(ERRNO | 2)];
        assert_eq!(answer_at(&program, GUEST, 7), ERRNO | 1);
    }

    #[test]
    fn jumps_out_of_the_program_are_rejected() {
        assert_eq!(enclosed(&[insn(bpf::JA, 1, 0, 0), ret(ALLOW)]), None);
        assert_eq!(enclosed(&[insn(bpf::JEQ, 0, 0, 1), ret(ALLOW)]), None);
        assert_eq!(enclosed(&[insn(bpf::JGT, 0, 255, 0), ret(ALLOW)]), None);
        assert_eq!(enclosed(&[insn(bpf::JA, u32::MAX, 0, 0), ret(ALLOW)]), None);
        assert!(enclosed(&[insn(bpf::JA, 0, 0, 0), ret(ALLOW)]).is_some());
    }

    #[test]
    fn a_program_without_a_return_is_rejected() {
        assert_eq!(enclosed(&[insn(bpf::LD_IMM, 0, 0, 0)]), None);
        assert_eq!(enclosed(&[]), None);
    }

    #[test]
    fn a_program_that_leaves_no_space_for_the_guard_is_rejected() {
        let mut program = std::vec![insn(bpf::LD_IMM, 0, 0, 0); 4065];
        program.push(ret(KILL_PROCESS));
        assert!(enclosed(&program).is_some());
        let mut out = std::vec![ret(ALLOW); 2 * bpf::MAX_INSNS];
        assert_eq!(enclose(SHIM, &mut out, bpf::MAX_INSNS - GUARD_LEN), None);
    }
}
