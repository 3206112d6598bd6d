//! Calls that wait with another signal mask, which must not have SIGSYS in it.

use newroot_abi::Errno;
use newroot_sys::raw;

use super::signal;
use crate::call::resume::{Afterwards, Builder};
use crate::call::{Outcome, SIGSYS_BIT, Trapped};
use crate::memory;

/// Runs ppoll(2). The mask is the fourth argument.
pub fn ppoll(call: &mut Trapped<'_>) -> Outcome {
    with_mask(call, 3)
}

/// Runs epoll_pwait(2) and epoll_pwait2(2). The mask is the fifth argument.
pub fn epoll_pwait(call: &mut Trapped<'_>) -> Outcome {
    with_mask(call, 4)
}

/// Runs rt_sigsuspend(2). The mask is the first argument.
pub fn sigsuspend(call: &mut Trapped<'_>) -> Outcome {
    with_mask(call, 0)
}

fn with_mask(call: &mut Trapped<'_>, index: usize) -> Outcome {
    with_mask_inner(call, index).unwrap_or_else(Outcome::from)
}

fn with_mask_inner(call: &mut Trapped<'_>, index: usize) -> Result<Outcome, Errno> {
    let mut arguments = call.arguments;
    let mut builder = Builder::new(call);
    if let Some(pointer) = arguments.get_mut(index) {
        let mask: u64 = memory::read(*pointer)?;
        if signal::interrupts(mask) {
            return Err(Errno::INTR);
        }
        *pointer = builder.push_words([(mask & !SIGSYS_BIT) as usize])?;
    }
    builder.finish(call, call.number as u32, arguments, Afterwards::Never, [0; 4])
}

/// Runs pselect6(2). The sixth argument points to a pointer to the mask, and its size.
pub fn pselect6(call: &mut Trapped<'_>) -> Outcome {
    pselect6_inner(call).unwrap_or_else(Outcome::from)
}

fn pselect6_inner(call: &mut Trapped<'_>) -> Result<Outcome, Errno> {
    let mut arguments = call.arguments;
    let mut builder = Builder::new(call);
    let [pointer, size] = memory::read::<[usize; 2]>(arguments[5])?;
    if pointer != 0 {
        let mask: u64 = memory::read(pointer)?;
        if signal::interrupts(mask) {
            return Err(Errno::INTR);
        }
        let mask = builder.push_words([(mask & !SIGSYS_BIT) as usize])?;
        arguments[5] = builder.push_words([mask, size])?;
    }
    builder.finish(call, raw::__NR_pselect6, arguments, Afterwards::Never, [0; 4])
}
