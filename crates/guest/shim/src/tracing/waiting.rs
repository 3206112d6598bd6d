//! wait4(2) and waitid(2), which tell a tracer of its tracees' stops.
//!
//! A wait sleeps on the guest's own stack ([`resume`]), and comes back here only if it found a stop; in a
//! process that has tracees, always. Where the stop isn't the guest's business, the same wait is made again.

use newroot_abi::Errno;
use newroot_sys::raw;

use super::stops::{Verdict, judge};
use super::table;
use crate::calls::forward;
use crate::memory;
use crate::trap::resume::{self, Afterwards, Builder};
use crate::trap::{Outcome, Trapped};

/// Where a `siginfo_t` says what happened, to whom, and how.
const CODE: usize = 8;
const PROCESS: usize = 16;
const STATUS: usize = 24;
/// Its size.
const INFO: usize = 128;

/// `si_code` of a tracee that stopped.
const CLD_TRAPPED: u8 = 4;
/// The low byte of a status of who stopped.
const STOPPED: u8 = 0x7f;

/// wait4(2) and waitid(2).
pub fn wait(call: &mut Trapped<'_>) -> Outcome {
    let form = Form::of(call);
    let result = if form.flags(call) & raw::WNOHANG as usize != 0 {
        form.look(call).map(|result| Outcome::Done(result as isize))
    } else {
        form.sleep(call)
    };
    result.unwrap_or_else(Outcome::from)
}

/// A wait is over.
pub fn came_back(call: &mut Trapped<'_>, frame: usize, result: isize, note: [usize; 4]) -> Outcome {
    let form = Form::of(call);
    let Ok(result) = Errno::check(result) else { return Outcome::Done(result) };
    let [_, _, out, _] = note;
    match form.judge(out, result) {
        Err(error) => error.into(),
        Ok(true) => Outcome::Done(result as isize),
        Ok(false) => {
            let number = call.number as u32;
            resume::repeat(call, frame, number, form.told(call.arguments, out))
        }
    }
}

/// Which of the two it is.
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

    /// Where the guest wants to be told; 0 if it doesn't.
    fn wanted(self, arguments: [usize; 6]) -> usize {
        arguments[if self == Self::WaitId { 2 } else { 1 }]
    }

    /// The arguments with another place to be told at.
    fn told(self, mut arguments: [usize; 6], out: usize) -> [usize; 6] {
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
        let arguments = self.told(call.arguments, out);
        builder.finish(call, call.number as u32, arguments, afterwards, note)
    }

    /// Looks without waiting.
    fn look(self, call: &Trapped<'_>) -> Result<usize, Errno> {
        let mut own = [0u64; INFO / 8];
        let wanted = self.wanted(call.arguments);
        let out = if wanted == 0 { own.as_mut_ptr() as usize } else { wanted };
        loop {
            let result = forward(call.number as u32, self.told(call.arguments, out))?;
            if self.judge(out, result)? {
                return Ok(result);
            }
        }
    }

    /// Judges what a wait has found: false if the guest isn't to be told of it.
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
