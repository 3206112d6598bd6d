//! wait4(2) and waitid(2), which report tracees' stops to a tracer.
//!
//! A wait sleeps on the guest's own stack ([`resume`]), and returns here only if it found a stop;
//! in a process with tracees, always. If the stop isn't reported to the guest, the same wait is
//! made again.

use newroot_abi::Errno;
use newroot_sys::raw;

use super::stops::{Verdict, judge};
use super::table;
use crate::call::resume::{self, Afterwards, Builder};
use crate::call::{Outcome, Trapped, forward};
use crate::memory;

/// Offsets in a `siginfo_t`: the kind of event, the process, its status.
const CODE: usize = 8;
const PROCESS: usize = 16;
const STATUS: usize = 24;
/// Size of a `siginfo_t` in bytes.
const INFO: usize = 128;

/// `si_code` of a tracee that stopped.
const CLD_TRAPPED: u8 = 4;
/// The low byte of the status of a stopped process.
const STOPPED: u8 = 0x7f;

/// Runs wait4(2) or waitid(2).
pub fn wait(call: &mut Trapped<'_>) -> Outcome {
    let form = Form::of(call);
    let result = if form.flags(call) & raw::WNOHANG as usize != 0 {
        form.poll(call).map(|result| Outcome::Done(result as isize))
    } else {
        form.sleep(call)
    };
    result.unwrap_or_else(Outcome::from)
}

/// Handles the return of a wait that slept.
pub fn came_back(call: &mut Trapped<'_>, frame: usize, result: isize, note: [usize; 4]) -> Outcome {
    let form = Form::of(call);
    let Ok(result) = Errno::check(result) else { return Outcome::Done(result) };
    let [_, _, out, _] = note;
    match form.judge(out, result) {
        Err(error) => error.into(),
        Ok(true) => Outcome::Done(result as isize),
        Ok(false) => {
            let number = call.number as u32;
            resume::repeat(call, frame, number, form.with_out(call.arguments, out))
        }
    }
}

/// The call that is made: wait4(2) or waitid(2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Wait4,
    WaitId,
}

impl Form {
    fn of(call: &Trapped<'_>) -> Self {
        if call.number == raw::__NR_waitid as usize { Self::WaitId } else { Self::Wait4 }
    }

    fn flags(self, call: &Trapped<'_>) -> usize {
        call.arguments[if self == Self::WaitId { 3 } else { 2 }]
    }

    /// Returns the address where the guest wants the result, 0 for none.
    fn wanted(self, arguments: [usize; 6]) -> usize {
        arguments[if self == Self::WaitId { 2 } else { 1 }]
    }

    /// Returns the arguments with another address for the result.
    fn with_out(self, mut arguments: [usize; 6], out: usize) -> [usize; 6] {
        arguments[if self == Self::WaitId { 2 } else { 1 }] = out;
        arguments
    }

    fn sleep(self, call: &mut Trapped<'_>) -> Result<Outcome, Errno> {
        let mut builder = Builder::new(call);
        let wanted = self.wanted(call.arguments);
        let (out, at, value) = match self {
            Self::Wait4 => {
                let out = if wanted == 0 { builder.push_words([0])? } else { wanted };
                (out, out, STOPPED)
            }
            Self::WaitId => {
                let out = if wanted == 0 { builder.push(&[0; INFO])? } else { wanted };
                (out, out + CODE, CLD_TRAPPED)
            }
        };
        let afterwards = if table::any() { Afterwards::Always } else { Afterwards::OnStop };
        let note = [at, usize::from(value).wrapping_neg(), out, 0];
        let arguments = self.with_out(call.arguments, out);
        builder.finish(call, call.number as u32, arguments, afterwards, note)
    }

    /// Makes the call without waiting (WNOHANG).
    fn poll(self, call: &Trapped<'_>) -> Result<usize, Errno> {
        let mut own = [0u64; INFO / 8];
        let wanted = self.wanted(call.arguments);
        let out = if wanted == 0 { own.as_mut_ptr() as usize } else { wanted };
        loop {
            let result = forward(call.number as u32, self.with_out(call.arguments, out))?;
            if self.judge(out, result)? {
                return Ok(result);
            }
        }
    }

    /// Judges the result of a wait; returns false if it must not be reported to the guest.
    fn judge(self, out: usize, result: usize) -> Result<bool, Errno> {
        let (tid, status) = match self {
            Self::Wait4 if result == 0 => return Ok(true),
            Self::Wait4 => (result as u32, memory::read::<u32>(out)?),
            Self::WaitId => {
                let code = memory::read::<u32>(out + CODE)?;
                let tid = memory::read::<u32>(out + PROCESS)?;
                let stopped = code == u32::from(CLD_TRAPPED);
                (
                    tid,
                    if stopped { memory::read::<u32>(out + STATUS)? << 8 | u32::from(STOPPED) } else { code },
                )
            }
        };
        if tid == 0 {
            return Ok(true);
        }
        if status & 0xff != u32::from(STOPPED) {
            const CLD_CONTINUED: u32 = 6;
            const CONTINUED: u32 = 0xffff;
            if status != if self == Self::WaitId { CLD_CONTINUED } else { CONTINUED } {
                table::forget(tid);
            }
            return Ok(true);
        }
        match judge(tid, status) {
            Verdict::Hidden => Ok(false),
            Verdict::Show(shown) if shown == status => Ok(true),
            Verdict::Show(shown) if self == Self::Wait4 => memory::write(out, &shown).map(|()| true),
            Verdict::Show(shown) => memory::write(out + STATUS, &(shown >> 8)).map(|()| true),
        }
    }
}
