//! The seccomp filter, made from the [table](crate::table).
//!
//! After the two numbers that the shim itself calls most often, a binary search over all comes first, so that a call
//! the shim doesn't want costs a handful of comparisons (and, from Linux 5.11 on, nothing: the kernel caches filters
//! whose answer depends on the number alone). Only a call that might be trapped has its
//! instruction pointer looked at: those made by the shim itself go through.

use crate::arch;
use crate::bpf::{self, Insn};
use crate::guard::NO_ANSWER;
use crate::raw;
use crate::table::{ROWS, Row, Session, Trap};
use newroot_abi::plan::Flags;

/// SECCOMP_RET_ALLOW.
pub const ALLOW: u32 = 0x7fff_0000;
/// SECCOMP_RET_TRAP.
pub const TRAP: u32 = 0x0003_0000;
/// SECCOMP_RET_ERRNO.
pub const ERRNO: u32 = 0x0005_0000;

/// The SECCOMP_RET_DATA of our traps, which the handler finds in `si_errno`. A guest's own
/// filter that traps the same call shows its own value there.
pub const MARK: u16 = 0x6e72;

/// Addresses whose system calls are the shim's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shim {
    /// First address of the shim's code.
    pub start: u32,
    /// First address behind it.
    pub end: u32,
    /// What the instruction pointer shows in a call that only asks what the guest's own filters
    /// say; it is never run. See [`guard`](crate::guard).
    pub probe: u32,
}

/// Room enough for the filter; [`build`] fails if a longer table ever outgrows it.
pub const CAPACITY: usize = 2048;

/// A program under construction.
struct Assembler<'a> {
    out: &'a mut [Insn],
    len: usize,
}

impl Assembler<'_> {
    fn emit(&mut self, code: u16, k: u32, jt: u8, jf: u8) -> Option<usize> {
        let at = self.len;
        *self.out.get_mut(at)? = Insn { code, jt, jf, k };
        self.len += 1;
        Some(at)
    }

    /// A forward jump whose target isn't known yet.
    fn jump(&mut self) -> Option<usize> {
        self.emit(bpf::JA, 0, 0, 0)
    }

    /// Lets the jump at `from` land on the next instruction.
    fn land(&mut self, from: usize) -> Option<()> {
        self.out.get_mut(from)?.k = u32::try_from(self.len - from - 1).ok()?;
        Some(())
    }

    /// Lets the comparison at `from`, if it fails, go on with the next instruction.
    fn skip(&mut self, from: usize) -> Option<()> {
        self.out.get_mut(from)?.jf = u8::try_from(self.len - from - 1).ok()?;
        Some(())
    }

    fn ret(&mut self, value: u32) -> Option<()> {
        self.emit(bpf::RET, value, 0, 0).map(|_| ())
    }
}

/// What is done with a run of consecutive numbers.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u32,
    rule: Rule,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Allow,
    Trap,
    /// Trapped wherever it comes from.
    TrapAnywhere,
    Errno(u16),
    When(Trap),
}

/// Writes the filter for a session into `out`; the result is its length, `None` if it doesn't fit.
#[must_use]
pub fn build(flags: Flags, release: bool, shim: Shim, out: &mut [Insn]) -> Option<usize> {
    let mut runs = [Run { first: 0, rule: Rule::Allow }; 512];
    let runs = collect_runs(flags, release, &mut runs)?;

    let mut asm = Assembler { out, len: 0 };
    asm.emit(bpf::LD_ABS, bpf::ARCH, 0, 0)?;
    // int 0x80 would reach the kernel's 32-bit calls, whose paths nobody translates.
    asm.emit(bpf::JEQ, arch::AUDIT_ARCH, 1, 0)?;
    asm.ret(ERRNO | 38)?;
    asm.emit(bpf::LD_ABS, bpf::NUMBER, 0, 0)?;
    for number in OFTEN {
        let unequal = asm.emit(bpf::JEQ, number, 0, 0)?;
        leaf(&mut asm, rule_at(runs, number), shim)?;
        asm.skip(unequal)?;
    }
    search(&mut asm, runs, shim)?;
    Some(asm.len)
}

/// What the shim itself calls most often, in that order: nothing is searched for these.
const OFTEN: [u32; 2] = [raw::__NR_openat2, raw::__NR_rt_sigprocmask];

fn rule_at(runs: &[Run], number: u32) -> Rule {
    let run = runs.iter().rev().find(|run| run.first <= number);
    run.map_or(Rule::Allow, |run| run.rule)
}

/// Whether every call that this row is of, wherever it comes from, is trapped in such a session.
#[must_use]
pub fn always_traps(row: &Row, flags: Flags, release: bool) -> bool {
    rule_of(row, flags, release) == Rule::Trap
}

fn rule_of(row: &Row, flags: Flags, release: bool) -> Rule {
    if row.faked && flags.has(Flags::FAKE_ROOT) {
        return Rule::Trap;
    }
    match row.trap {
        Trap::Never => Rule::Allow,
        Trap::Always => Rule::Trap,
        Trap::Refuse(errno) => Rule::Errno(errno),
        Trap::RefuseAllUnderRoot(..) if !flags.has(Flags::FAKE_ROOT) => Rule::Allow,
        Trap::InSession(property) => {
            let on = match property {
                Session::Aliased => flags.has(Flags::ALIASED),
                Session::Unlisted => {
                    [Flags::UNLISTED, Flags::LINKS, Flags::HIDING].iter().any(|&flag| flags.has(flag))
                }
                Session::Links => flags.has(Flags::LINKS),
                Session::ReadOnly => flags.has(Flags::READ_ONLY),
                Session::Release => release,
            };
            if on { Rule::Trap } else { Rule::Allow }
        }
        Trap::IfBits(index, bits, more) if flags.has(Flags::FAKE_ROOT) => {
            Rule::When(Trap::IfBits(index, bits | more, 0))
        }
        conditional => Rule::When(conditional),
    }
}

/// The rules in the order of their numbers, equal neighbours joined.
fn collect_runs(flags: Flags, release: bool, runs: &mut [Run; 512]) -> Option<&[Run]> {
    let mut len: usize = 0;
    let mut push = |first: u32, rule: Rule| {
        if let Some(previous) = len.checked_sub(1).and_then(|last| runs.get(last))
            && previous.rule == rule
        {
            return Some(());
        }
        *runs.get_mut(len)? = Run { first, rule };
        len += 1;
        Some(())
    };
    push(0, Rule::Allow)?;
    for number in 0..=crate::table::LAST_KNOWN {
        let rule = match crate::table::row_of(number as usize) {
            Some(row) => rule_of(row, flags, release),
            None => Rule::Allow,
        };
        push(number, rule)?;
    }
    // What no kernel had when the table was made goes through; to be told of it, trap it.
    let unknown = if flags.has(Flags::VERBOSE) { Rule::Trap } else { Rule::Allow };
    push(crate::table::LAST_KNOWN + 1, unknown)?;
    push(arch::AFTERWARDS, Rule::TrapAnywhere)?;
    push(arch::AFTERWARDS + 1, unknown)?;
    push(arch::FOREIGN_ABI_FROM, Rule::Errno(38))?;
    // A tracer has the call skipped by this number, and may have set its result: the kernel runs none.
    push(u32::MAX, Rule::Allow)?;
    runs.get(..len)
}

fn search(asm: &mut Assembler<'_>, runs: &[Run], shim: Shim) -> Option<()> {
    let [first, rest @ ..] = runs else { return None };
    if rest.is_empty() {
        return leaf(asm, first.rule, shim);
    }
    let (low, high) = runs.split_at(runs.len() / 2);
    asm.emit(bpf::JGE, high.first()?.first, 0, 1)?;
    let to_high = asm.jump()?;
    search(asm, low, shim)?;
    asm.land(to_high)?;
    search(asm, high, shim)
}

fn leaf(asm: &mut Assembler<'_>, rule: Rule, shim: Shim) -> Option<()> {
    match rule {
        Rule::Allow => asm.ret(ALLOW),
        Rule::Errno(errno) => unless_shim(asm, shim, ERRNO | u32::from(errno)),
        Rule::TrapAnywhere => asm.ret(TRAP | u32::from(MARK)),
        Rule::Trap => unless_shim(asm, shim, TRAP | u32::from(MARK)),
        Rule::When(Trap::IfArgument(index)) => {
            nonzero(asm, index)?;
            unless_shim(asm, shim, TRAP | u32::from(MARK))
        }
        Rule::When(Trap::IfZero(whole, half)) => {
            let zero = [bpf::argument_low(whole), bpf::argument_high(whole), bpf::argument_low(half)];
            for word in zero {
                asm.emit(bpf::LD_ABS, word, 0, 0)?;
                asm.emit(bpf::JEQ, 0, 1, 0)?;
                asm.ret(ALLOW)?;
            }
            unless_shim(asm, shim, TRAP | u32::from(MARK))
        }
        Rule::When(Trap::IfEqual(index, value)) => {
            asm.emit(bpf::LD_ABS, bpf::argument_low(index), 0, 0)?;
            asm.emit(bpf::JEQ, value, 1, 0)?;
            asm.ret(ALLOW)?;
            unless_shim(asm, shim, TRAP | u32::from(MARK))
        }
        Rule::When(Trap::IfOneOf(index, values)) => {
            asm.emit(bpf::LD_ABS, bpf::argument_low(index), 0, 0)?;
            for (at, &value) in values.iter().enumerate() {
                asm.emit(bpf::JEQ, value, u8::try_from(values.len() - at).ok()?, 0)?;
            }
            asm.ret(ALLOW)?;
            unless_shim(asm, shim, TRAP | u32::from(MARK))
        }
        Rule::When(Trap::IfBits(index, bits, _)) => {
            asm.emit(bpf::LD_ABS, bpf::argument_low(index), 0, 0)?;
            asm.emit(bpf::JSET, bits, 1, 0)?;
            asm.ret(ALLOW)?;
            unless_shim(asm, shim, TRAP | u32::from(MARK))
        }
        Rule::When(Trap::RefuseAllUnderRoot(errno, values)) => {
            for &(index, value) in values {
                asm.emit(bpf::LD_ABS, bpf::argument_low(index), 0, 0)?;
                asm.emit(bpf::JEQ, value, 1, 0)?;
                asm.ret(ALLOW)?;
            }
            asm.ret(ERRNO | u32::from(errno))
        }
        Rule::When(_) => None,
    }
}

/// Five instructions: allows the call if an argument is zero, else goes on behind them.
fn nonzero(asm: &mut Assembler<'_>, index: u8) -> Option<()> {
    asm.emit(bpf::LD_ABS, bpf::argument_low(index), 0, 0)?;
    asm.emit(bpf::JEQ, 0, 0, 3)?;
    asm.emit(bpf::LD_ABS, bpf::argument_high(index), 0, 0)?;
    asm.emit(bpf::JEQ, 0, 0, 1)?;
    asm.ret(ALLOW)
}

/// Returns `value` for a call of the guest's, allows one of the shim's.
fn unless_shim(asm: &mut Assembler<'_>, shim: Shim, value: u32) -> Option<()> {
    from_shim(asm, shim)?;
    asm.ret(value)
}

/// Eight instructions: allows a call made by the shim's code, doesn't run one at its probe, else
/// goes on behind them.
fn from_shim(asm: &mut Assembler<'_>, shim: Shim) -> Option<()> {
    asm.emit(bpf::LD_ABS, bpf::IP_HIGH, 0, 0)?;
    asm.emit(bpf::JEQ, 0, 0, 6)?;
    asm.emit(bpf::LD_ABS, bpf::IP_LOW, 0, 0)?;
    asm.emit(bpf::JEQ, shim.probe, 0, 1)?;
    asm.ret(ERRNO | u32::from(NO_ANSWER))?;
    // The pointer stands behind the instruction, so the end is inclusive.
    asm.emit(bpf::JGT, shim.end, 2, 0)?;
    asm.emit(bpf::JGT, shim.start, 0, 1)?;
    asm.ret(ALLOW)
}

const _: () = assert!(ROWS.len() < 253, "the runs array in build() must hold two runs a row");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bpf::{Data, run};

    const SHIM: Shim = Shim { start: 0x7000_0000, end: 0x7001_0000, probe: 0x7000_0102 };

    fn program(flags: Flags) -> ([Insn; CAPACITY], usize) {
        let mut out = [Insn::default(); CAPACITY];
        let len = build(flags, false, SHIM, &mut out).expect("fits");
        (out, len)
    }

    fn answer(flags: Flags, number: u32, ip: u64, arguments: [u64; 6]) -> u32 {
        let (out, len) = program(flags);
        run(&out[..len], &Data { number, arch: arch::AUDIT_ARCH, ip, arguments })
    }

    const GUEST_IP: u64 = 0x5555_5555_1234;
    const OURS: u32 = TRAP | MARK as u32;

    /// Arguments with which a row's call is trapped, if it ever is.
    fn trapped(row: &Row) -> [u64; 6] {
        let mut arguments = [1; 6];
        match row.trap {
            Trap::IfEqual(index, value) | Trap::IfOneOf(index, &[.., value]) => {
                arguments[index as usize] = u64::from(value);
            }
            Trap::IfZero(a, b) => {
                arguments[a as usize] = 0;
                // The other half is nobody's.
                arguments[b as usize] = if a == b { 0 } else { 1 << 32 };
            }
            Trap::IfBits(index, bits, _) => arguments[index as usize] = u64::from(bits),
            _ => {}
        }
        arguments
    }

    #[test]
    fn every_row_is_answered_as_the_table_says() {
        for row in ROWS {
            let expected = match row.trap {
                Trap::Never | Trap::InSession(_) | Trap::RefuseAllUnderRoot(..) => ALLOW,
                Trap::Refuse(errno) => ERRNO | u32::from(errno),
                _ => OURS,
            };
            let arguments = trapped(row);
            assert_eq!(answer(Flags::default(), row.number, GUEST_IP, arguments), expected, "{}", row.name);
        }
    }

    #[test]
    fn each_of_several_values_traps() {
        for row in ROWS {
            let Trap::IfOneOf(index, values) = row.trap else { continue };
            for &value in values {
                let mut arguments = [1 << 40; 6];
                arguments[index as usize] |= u64::from(value);
                assert_eq!(answer(Flags::default(), row.number, GUEST_IP, arguments), OURS, "{value}");
            }
            assert_eq!(answer(Flags::default(), row.number, GUEST_IP, [0x1234_5678; 6]), ALLOW);
        }
    }

    #[test]
    fn fake_root_is_asked_first() {
        for row in ROWS.iter().filter(|row| row.faked) {
            assert_eq!(answer(Flags::FAKE_ROOT, row.number, GUEST_IP, [0; 6]), OURS, "{}", row.name);
        }
    }

    #[test]
    fn namespaces_of_users_and_of_mounts_are_the_shims_to_refuse() {
        const NEW_MOUNTS: u64 = 0x2_0000;
        const NEW_USER: u64 = 0x1000_0000;
        for flags in [Flags::default(), Flags::FAKE_ROOT] {
            for (argument, expected) in [
                (NEW_USER | 17, OURS),
                (NEW_MOUNTS | 17, OURS),
                (17, ALLOW),
                // A namespace of processes.
                (0x2000_0000 | 17, if flags.has(Flags::FAKE_ROOT) { OURS } else { ALLOW }),
                // The kernel reads 32 bits of clone's flags.
                (NEW_USER << 32 | 17, ALLOW),
            ] {
                let answer = answer(flags, raw::__NR_clone, GUEST_IP, [argument, 0, 0, 0, 0, 0]);
                assert_eq!(answer, expected);
            }
            assert_eq!(answer(flags, raw::__NR_unshare, GUEST_IP, [NEW_USER, 0, 0, 0, 0, 0]), OURS);
        }
    }

    #[test]
    fn fake_root_gets_no_socket_for_audit() {
        const NETLINK: u64 = 16;
        const RAW: u64 = 3;
        const AUDIT: u64 = 9;
        // What lies above an int is nobody's.
        const ABOVE: u64 = 1 << 32;
        for (flags, [domain, protocol], expected) in [
            (Flags::FAKE_ROOT, [NETLINK, AUDIT], ERRNO | 93),
            (Flags::FAKE_ROOT, [NETLINK | ABOVE, AUDIT | ABOVE], ERRNO | 93),
            (Flags::FAKE_ROOT, [NETLINK, 0], ALLOW),
            (Flags::FAKE_ROOT, [2, AUDIT], ALLOW),
            (Flags::default(), [NETLINK, AUDIT], ALLOW),
        ] {
            let arguments = [domain, RAW, protocol, 0, 0, 0];
            assert_eq!(answer(flags, raw::__NR_socket, GUEST_IP, arguments), expected);
        }
    }

    #[test]
    fn what_has_no_row_goes_through() {
        for number in [raw::__NR_read, raw::__NR_close, raw::__NR_futex, 5000] {
            assert_eq!(answer(Flags::default(), number, GUEST_IP, [1; 6]), ALLOW);
        }
    }

    #[test]
    fn the_shims_own_calls_go_through() {
        for row in ROWS {
            for ip in [0x7000_0002, 0x7001_0000] {
                assert_eq!(answer(Flags::default(), row.number, ip, [1; 6]), ALLOW, "{}", row.name);
            }
        }
        // Neither an address of the same low half nor one just outside is the shim.
        for ip in [0x1_7000_0002, 0x7000_0000, 0x7001_0001] {
            assert_eq!(answer(Flags::default(), raw::__NR_openat, ip, [1; 6]), OURS);
        }
    }

    #[test]
    fn conditions_look_at_all_64_bits() {
        let null = [0; 6];
        let high = [0, 0, 0, 1 << 40, 1 << 40, 1 << 40];
        for number in [raw::__NR_ppoll, raw::__NR_pselect6, raw::__NR_epoll_pwait, raw::__NR_sendto] {
            assert_eq!(answer(Flags::default(), number, GUEST_IP, null), ALLOW);
            assert_eq!(answer(Flags::default(), number, GUEST_IP, high), OURS);
        }
    }

    #[test]
    fn only_reads_from_the_beginning_are_trapped() {
        for (number, arguments, expected) in [
            (raw::__NR_lseek, [3, 0, 0, 9, 9, 9], OURS),
            (raw::__NR_lseek, [3, 0, 1, 0, 0, 0], ALLOW),
            (raw::__NR_lseek, [3, 1 << 40, 0, 0, 0, 0], ALLOW),
            (raw::__NR_pread64, [3, 9, 9, 0, 9, 9], OURS),
            (raw::__NR_pread64, [3, 0, 0, 1 << 32, 0, 0], ALLOW),
            (raw::__NR_preadv2, [3, 9, 9, u64::MAX, u64::MAX, 0], ALLOW),
        ] {
            assert_eq!(answer(Flags::default(), number, GUEST_IP, arguments), expected);
        }
    }

    #[test]
    fn a_session_property_traps_more() {
        let nr = raw::__NR_getdents64;
        assert_eq!(answer(Flags::default(), nr, GUEST_IP, [1; 6]), ALLOW);
        for flag in [Flags::UNLISTED, Flags::LINKS, Flags::HIDING] {
            assert_eq!(answer(flag, nr, GUEST_IP, [1; 6]), OURS);
        }
    }

    #[test]
    fn foreign_call_conventions_answer_enosys() {
        let (out, len) = program(Flags::default());
        let i386 = Data { number: 5, arch: 0x4000_0003, ip: GUEST_IP, arguments: [1; 6] };
        assert_eq!(run(&out[..len], &i386), ERRNO | 38);
        assert_eq!(answer(Flags::default(), 0x4000_0002, GUEST_IP, [1; 6]), ERRNO | 38);
        assert_eq!(answer(Flags::default(), u32::MAX - 1, GUEST_IP, [1; 6]), ERRNO | 38);
        // The number of a call that a tracer has skipped.
        assert_eq!(answer(Flags::default(), u32::MAX, GUEST_IP, [1; 6]), ALLOW);
    }

    #[test]
    fn the_way_back_from_a_sleeping_call_traps_even_in_the_shim() {
        assert_eq!(answer(Flags::default(), arch::AFTERWARDS, 0x7000_0002, [0; 6]), OURS);
    }

    #[test]
    fn an_ordinary_call_meets_few_instructions() {
        for flags in [Flags::default(), Flags::FAKE_ROOT] {
            let (_, len) = program(flags);
            assert!(len < CAPACITY);
            // The search takes two instructions a level: eight levels find one of 256 runs.
            let mut runs = [Run { first: 0, rule: Rule::Allow }; 512];
            let runs = collect_runs(flags, false, &mut runs).expect("they fit");
            assert!(runs.len() <= 256, "{}", runs.len());
        }
    }

    #[test]
    fn a_call_at_the_probe_is_never_run() {
        let probe = u64::from(SHIM.probe);
        for row in ROWS {
            let arguments = trapped(row);
            // What isn't trapped is never asked for.
            if answer(Flags::default(), row.number, GUEST_IP, arguments) == OURS {
                let expected = ERRNO | u32::from(NO_ANSWER);
                assert_eq!(answer(Flags::default(), row.number, probe, arguments), expected, "{}", row.name);
            }
        }
    }
}
