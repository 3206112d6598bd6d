//! The seccomp filter: its verdict on any call must be that of the table.

use arbitrary::{Result, Unstructured};
use newroot_abi::plan::Flags;
use newroot_sys::arch;
use newroot_sys::bpf::{self, Data, Insn};
use newroot_sys::filter::{self, ALLOW, ERRNO, MARK, Shim, TRAP};
use newroot_sys::guard::NO_ANSWER;
use newroot_sys::table::{LAST_KNOWN, Row, Session, Trap, row_of};

const ENOSYS: u32 = 38;

/// Builds a session and calls from the bytes, and compares the filter's verdict on each call.
///
/// # Panics
/// If the filter's verdict differs from the table's, or if the kernel would reject the filter.
pub fn check(bytes: &[u8]) {
    // The calls end where the bytes do.
    let _ = ask(&mut Unstructured::new(bytes));
}

fn ask(bytes: &mut Unstructured<'_>) -> Result<()> {
    let session = Configuration {
        flags: Flags(bytes.arbitrary()?),
        shows_release: bytes.arbitrary()?,
        shim: shim(bytes)?,
    };
    let mut program = [Insn::default(); filter::CAPACITY];
    let len = filter::build(session.flags, session.shows_release, session.shim, &mut program)
        .expect("the filter fits");
    let program = &program[..len];
    assert!(crate::guard::kernel_accepts(program));
    assert!(
        filter::build(session.flags, session.shows_release, session.shim, &mut [Insn::default(); 40])
            .is_none()
    );
    while !bytes.is_empty() {
        let call = call(bytes, session.shim)?;
        assert_eq!(bpf::run(program, &call), session.answer(&call), "{session:x?} {call:x?}");
    }
    Ok(())
}

/// Returns a shim's address range: the usual one or an arbitrary one.
pub(crate) fn shim(bytes: &mut Unstructured<'_>) -> Result<Shim> {
    let start: u32 = if bytes.ratio(1, 2)? { 0x7000_0000 } else { bytes.arbitrary()? };
    let end = start.saturating_add(bytes.int_in_range(0..=0x2_0000)?);
    let probe = bytes.int_in_range(start..=end)?;
    Ok(Shim { start, end, probe })
}

/// Returns the address of a call, often near one where the verdict changes.
pub(crate) fn pointer(bytes: &mut Unstructured<'_>, shim: Shim) -> Result<u64> {
    let near = [shim.start, shim.end, shim.probe].map(u64::from);
    Ok(match bytes.int_in_range(0..=3)? {
        0 => bytes.arbitrary()?,
        1 => bytes.choose(&near)?.wrapping_add(bytes.int_in_range(0..=2)?).wrapping_sub(1),
        2 => *bytes.choose(&near)? | u64::from(bytes.arbitrary::<u32>()?) << 32,
        _ => u64::from(bytes.int_in_range(shim.start..=shim.end)?),
    })
}

fn call(bytes: &mut Unstructured<'_>, shim: Shim) -> Result<Data> {
    let number = match bytes.int_in_range(0..=7)? {
        0 => bytes.arbitrary()?,
        1 => arch::FOREIGN_ABI_FROM.wrapping_add(bytes.int_in_range(0..=1)?).wrapping_sub(1),
        2 => arch::AFTERWARDS.wrapping_add(bytes.int_in_range(0..=2)?).wrapping_sub(1),
        _ => bytes.int_in_range(0..=LAST_KNOWN + 1)?,
    };
    let arch = if bytes.ratio(1, 16)? { bytes.arbitrary()? } else { arch::AUDIT_ARCH };
    let ip = pointer(bytes, shim)?;
    let mut arguments = [0; 6];
    for argument in &mut arguments {
        *argument = match bytes.int_in_range(0..=3)? {
            0 => 0,
            1 => u64::from(bytes.arbitrary::<u8>()?),
            2 => 1 << bytes.int_in_range(0..=63)?,
            _ => bytes.arbitrary()?,
        };
    }
    // The values above rarely equal the one that a row checks for.
    if let Some(Trap::IfEqual(index, value) | Trap::IfOneOf(index, &[value, ..])) =
        row_of(number as usize).map(|row| row.trap)
        && bytes.arbitrary()?
    {
        arguments[usize::from(index)] = u64::from(bytes.arbitrary::<u32>()?) << 32 | u64::from(value);
    }
    if let Some(Trap::RefuseAllUnderRoot(_, values)) = row_of(number as usize).map(|row| row.trap)
        && bytes.arbitrary()?
    {
        for &(index, value) in values {
            arguments[usize::from(index)] = u64::from(bytes.arbitrary::<u32>()?) << 32 | u64::from(value);
        }
    }
    Ok(Data { number, arch, ip, arguments })
}

/// Configuration of a filter.
#[derive(Debug)]
struct Configuration {
    flags: Flags,
    shows_release: bool,
    shim: Shim,
}

/// Verdict of the table, and the callers to which it applies.
enum Verdict {
    /// The kernel runs the call.
    Kernel,
    /// The guest gets this verdict; the shim's call runs.
    Guest(u32),
    /// Any caller gets this verdict.
    AnyCaller(u32),
}

impl Configuration {
    /// Returns the verdict on a call.
    fn answer(&self, call: &Data) -> u32 {
        if call.arch != arch::AUDIT_ARCH {
            return ERRNO | ENOSYS;
        }
        match self.verdict(call) {
            Verdict::Kernel => ALLOW,
            Verdict::AnyCaller(answer) => answer,
            Verdict::Guest(answer) => match u32::try_from(call.ip) {
                Ok(ip) if ip == self.shim.probe => ERRNO | u32::from(NO_ANSWER),
                // The pointer is the address behind the instruction.
                Ok(ip) if ip > self.shim.start && ip <= self.shim.end => ALLOW,
                _ => answer,
            },
        }
    }

    fn verdict(&self, call: &Data) -> Verdict {
        let trapped = TRAP | u32::from(MARK);
        match call.number {
            number if number == arch::AFTERWARDS => Verdict::AnyCaller(trapped),
            // A tracer has skipped the call.
            u32::MAX => Verdict::Kernel,
            arch::FOREIGN_ABI_FROM.. => Verdict::Guest(ERRNO | ENOSYS),
            number => match row_of(number as usize) {
                Some(row) => self.verdict_of(row, call),
                None if number > LAST_KNOWN && self.flags.has(Flags::VERBOSE) => Verdict::Guest(trapped),
                None => Verdict::Kernel,
            },
        }
    }

    fn verdict_of(&self, row: &Row, call: &Data) -> Verdict {
        let fake_root = self.flags.has(Flags::FAKE_ROOT);
        let argument = |index: u8| call.arguments[usize::from(index)];
        let is_trapped = match row.trap {
            _ if row.faked && fake_root => true,
            Trap::Never => false,
            Trap::Always => true,
            Trap::IfArgument(index) => argument(index) != 0,
            Trap::IfZero(whole, half) => argument(whole) == 0 && argument(half) as u32 == 0,
            // The kernel reads an int.
            Trap::IfEqual(index, value) => argument(index) as u32 == value,
            Trap::IfOneOf(index, values) => values.contains(&(argument(index) as u32)),
            Trap::InSession(Session::Aliased) => self.flags.has(Flags::ALIASED),
            Trap::InSession(Session::Unlisted) => {
                [Flags::UNLISTED, Flags::LINKS, Flags::HIDING].iter().any(|&flag| self.flags.has(flag))
            }
            Trap::InSession(Session::Links) => self.flags.has(Flags::LINKS),
            Trap::InSession(Session::ReadOnly) => self.flags.has(Flags::READ_ONLY),
            Trap::InSession(Session::Release) => self.shows_release,
            Trap::Refuse(errno) => return Verdict::Guest(ERRNO | u32::from(errno)),
            Trap::RefuseAllUnderRoot(errno, values) => {
                let is_equal = |&(index, value): &(u8, u32)| argument(index) as u32 == value;
                let refused = fake_root && values.iter().all(is_equal);
                let answer = ERRNO | u32::from(errno);
                return if refused { Verdict::AnyCaller(answer) } else { Verdict::Kernel };
            }
            Trap::IfBits(index, bits, more) => {
                let bits = if fake_root { bits | more } else { bits };
                argument(index) & u64::from(bits) != 0
            }
        };
        if is_trapped { Verdict::Guest(TRAP | u32::from(MARK)) } else { Verdict::Kernel }
    }
}
