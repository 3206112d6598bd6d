//! The seccomp filter, generated from the [table](crate::table).
//!
//! The filter first compares the two numbers that the shim itself calls most often. A binary search
//! over all numbers follows, so that a call the shim doesn't handle costs a few comparisons. From
//! Linux 5.11 on it costs nothing: the kernel caches filters whose result depends on the number
//! alone. The filter checks the instruction pointer only for calls that it may trap, and allows
//! those that the shim makes.

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

/// SECCOMP_RET_DATA of our traps, which the handler finds in `si_errno`. If a filter installed by
/// the guest traps the same call, its own value appears there.
pub const MARK: u16 = 0x6e72;

/// Range of addresses from which the shim makes its own system calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shim {
    /// First address of the shim's code.
    pub start: u32,
    /// First address behind the shim's code.
    pub end: u32,
    /// Instruction pointer of a call that only asks for the verdict of the guest's own filters and
    /// never runs. See [`guard`](crate::guard).
    pub probe: u32,
}

/// Size of a buffer that holds the filter; [`build`] fails if a longer table ever exceeds it.
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

    /// Emits a forward jump whose target isn't known yet.
    fn jump(&mut self) -> Option<usize> {
        self.emit(bpf::JA, 0, 0, 0)
    }

    /// Makes the jump at `from` land on the next instruction.
    fn land(&mut self, from: usize) -> Option<()> {
        self.out.get_mut(from)?.k = u32::try_from(self.len - from - 1).ok()?;
        Some(())
    }

    /// Makes the comparison at `from` continue with the next instruction if it fails.
    fn skip(&mut self, from: usize) -> Option<()> {
        self.out.get_mut(from)?.jf = u8::try_from(self.len - from - 1).ok()?;
        Some(())
    }

    fn ret(&mut self, value: u32) -> Option<()> {
        self.emit(bpf::RET, value, 0, 0).map(|_| ())
    }
}

/// The first of a run of consecutive numbers that share a rule.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Run {
    first: u32,
    rule: Rule,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rule {
    Allow,
    Trap,
    /// Trap, even if the shim makes the call.
    TrapAnywhere,
    Errno(u16),
    When(Trap),
}

/// Writes the filter for a session into `out` and returns its length, or `None` if it doesn't fit.
/// `release` is true if the session changes the names that uname(2) reports.
#[must_use]
pub fn build(flags: Flags, release: bool, shim: Shim, out: &mut [Insn]) -> Option<usize> {
    let mut runs = [Run { first: 0, rule: Rule::Allow }; 512];
    let runs = collect_runs(flags, release, &mut runs)?;

    let mut asm = Assembler { out, len: 0 };
    asm.emit(bpf::LD_ABS, bpf::ARCH, 0, 0)?;
    // int 0x80 would reach the kernel's 32-bit calls, whose paths the shim doesn't translate.
    asm.emit(bpf::JEQ, arch::AUDIT_ARCH, 1, 0)?;
    asm.ret(ERRNO | 38)?;
    asm.emit(bpf::LD_ABS, bpf::NUMBER, 0, 0)?;
    for number in FREQUENT {
        let unequal = asm.emit(bpf::JEQ, number, 0, 0)?;
        leaf(&mut asm, rule_at(runs, number), shim)?;
        asm.skip(unequal)?;
    }
    search(&mut asm, runs, shim)?;
    Some(asm.len)
}

/// The numbers that the shim itself calls most often, in that order: the filter checks them before
/// the search.
const FREQUENT: [u32; 2] = [raw::__NR_openat2, raw::__NR_rt_sigprocmask];

fn rule_at(runs: &[Run], number: u32) -> Rule {
    let run = runs.iter().rev().find(|run| run.first <= number);
    run.map_or(Rule::Allow, |run| run.rule)
}

/// Checks whether a session with these flags traps every call of this row, whatever its arguments.
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

/// Returns the rules in the order of their numbers, with equal neighbours joined.
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
    // A call newer than the table is allowed; a verbose session traps it, to report it.
    let unknown = if flags.has(Flags::VERBOSE) { Rule::Trap } else { Rule::Allow };
    push(crate::table::LAST_KNOWN + 1, unknown)?;
    push(arch::AFTERWARDS, Rule::TrapAnywhere)?;
    push(arch::AFTERWARDS + 1, unknown)?;
    push(arch::FOREIGN_ABI_FROM, Rule::Errno(38))?;
    // A tracer skips a call by setting this number, and may have set the call's result. The kernel
    // runs nothing.
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

/// Emits five instructions, which allow the call if an argument is zero and otherwise continue
/// behind them.
fn nonzero(asm: &mut Assembler<'_>, index: u8) -> Option<()> {
    asm.emit(bpf::LD_ABS, bpf::argument_low(index), 0, 0)?;
    asm.emit(bpf::JEQ, 0, 0, 3)?;
    asm.emit(bpf::LD_ABS, bpf::argument_high(index), 0, 0)?;
    asm.emit(bpf::JEQ, 0, 0, 1)?;
    asm.ret(ALLOW)
}

/// Emits a program end that returns `value` for the guest's calls and allows the shim's.
fn unless_shim(asm: &mut Assembler<'_>, shim: Shim, value: u32) -> Option<()> {
    from_shim(asm, shim)?;
    asm.ret(value)
}

/// Emits eight instructions, which allow a call made by the shim's code, reject one made at its
/// probe, and otherwise continue behind them.
fn from_shim(asm: &mut Assembler<'_>, shim: Shim) -> Option<()> {
    asm.emit(bpf::LD_ABS, bpf::IP_HIGH, 0, 0)?;
    asm.emit(bpf::JEQ, 0, 0, 6)?;
    asm.emit(bpf::LD_ABS, bpf::IP_LOW, 0, 0)?;
    asm.emit(bpf::JEQ, shim.probe, 0, 1)?;
    asm.ret(ERRNO | u32::from(NO_ANSWER))?;
    // The pointer is the address behind the instruction, so the end is inclusive.
    asm.emit(bpf::JGT, shim.end, 2, 0)?;
    asm.emit(bpf::JGT, shim.start, 0, 1)?;
    asm.ret(ALLOW)
}

const _: () = assert!(ROWS.len() < 253, "the runs array in build() must hold two runs for each row");

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

    /// Returns arguments for which the filter traps a row's call, if it ever does.
    fn trapped(row: &Row) -> [u64; 6] {
        let mut arguments = [1; 6];
        match row.trap {
            Trap::IfEqual(index, value) | Trap::IfOneOf(index, &[.., value]) => {
                arguments[index as usize] = u64::from(value);
            }
            Trap::IfZero(a, b) => {
                arguments[a as usize] = 0;
                // The kernel ignores the other half.
                arguments[b as usize] = if a == b { 0 } else { 1 << 32 };
            }
            Trap::IfBits(index, bits, _) => arguments[index as usize] = u64::from(bits),
            _ => {}
        }
        arguments
    }

    #[test]
    fn every_row_gets_the_verdict_of_the_table() {
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
    fn fake_root_traps_its_rows_in_all_cases() {
        for row in ROWS.iter().filter(|row| row.faked) {
            assert_eq!(answer(Flags::FAKE_ROOT, row.number, GUEST_IP, [0; 6]), OURS, "{}", row.name);
        }
    }

    #[test]
    fn new_user_and_mount_namespaces_are_trapped() {
        const NEW_MOUNTS: u64 = 0x2_0000;
        const NEW_USER: u64 = 0x1000_0000;
        for flags in [Flags::default(), Flags::FAKE_ROOT] {
            for (argument, expected) in [
                (NEW_USER | 17, OURS),
                (NEW_MOUNTS | 17, OURS),
                (17, ALLOW),
                // CLONE_NEWPID.
                (0x2000_0000 | 17, if flags.has(Flags::FAKE_ROOT) { OURS } else { ALLOW }),
                // The kernel reads only the lower 32 bits of clone's flags.
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
        // The kernel ignores the bits above an int.
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
    fn calls_without_a_row_are_allowed() {
        for number in [raw::__NR_read, raw::__NR_close, raw::__NR_futex, 5000] {
            assert_eq!(answer(Flags::default(), number, GUEST_IP, [1; 6]), ALLOW);
        }
    }

    #[test]
    fn the_shims_own_calls_are_allowed() {
        for row in ROWS {
            for ip in [0x7000_0002, 0x7001_0000] {
                assert_eq!(answer(Flags::default(), row.number, ip, [1; 6]), ALLOW, "{}", row.name);
            }
        }
        // Addresses with the same lower half, or just outside the range, don't belong to the shim.
        for ip in [0x1_7000_0002, 0x7000_0000, 0x7001_0001] {
            assert_eq!(answer(Flags::default(), raw::__NR_openat, ip, [1; 6]), OURS);
        }
    }

    #[test]
    fn conditions_check_all_64_bits() {
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
    fn session_flags_trap_more_calls() {
        let nr = raw::__NR_getdents64;
        assert_eq!(answer(Flags::default(), nr, GUEST_IP, [1; 6]), ALLOW);
        for flag in [Flags::UNLISTED, Flags::LINKS, Flags::HIDING] {
            assert_eq!(answer(flag, nr, GUEST_IP, [1; 6]), OURS);
        }
    }

    #[test]
    fn foreign_calling_conventions_fail_with_enosys() {
        let (out, len) = program(Flags::default());
        let i386 = Data { number: 5, arch: 0x4000_0003, ip: GUEST_IP, arguments: [1; 6] };
        assert_eq!(run(&out[..len], &i386), ERRNO | 38);
        assert_eq!(answer(Flags::default(), 0x4000_0002, GUEST_IP, [1; 6]), ERRNO | 38);
        assert_eq!(answer(Flags::default(), u32::MAX - 1, GUEST_IP, [1; 6]), ERRNO | 38);
        // The number of a call that a tracer has skipped.
        assert_eq!(answer(Flags::default(), u32::MAX, GUEST_IP, [1; 6]), ALLOW);
    }

    #[test]
    fn the_return_from_a_sleeping_call_traps_even_in_the_shim() {
        assert_eq!(answer(Flags::default(), arch::AFTERWARDS, 0x7000_0002, [0; 6]), OURS);
    }

    #[test]
    fn the_search_takes_at_most_eight_levels() {
        for flags in [Flags::default(), Flags::FAKE_ROOT] {
            let (_, len) = program(flags);
            assert!(len < CAPACITY);
            // The search takes two instructions per level: eight levels find one of 256 runs.
            let mut runs = [Run { first: 0, rule: Rule::Allow }; 512];
            let runs = collect_runs(flags, false, &mut runs).expect("the runs fit");
            assert!(runs.len() <= 256, "{}", runs.len());
        }
    }

    #[test]
    fn a_call_at_the_probe_never_runs() {
        let probe = u64::from(SHIM.probe);
        for row in ROWS {
            let arguments = trapped(row);
            // The shim never probes a call that isn't trapped.
            if answer(Flags::default(), row.number, GUEST_IP, arguments) == OURS {
                let expected = ERRNO | u32::from(NO_ANSWER);
                assert_eq!(answer(Flags::default(), row.number, probe, arguments), expected, "{}", row.name);
            }
        }
    }
}
