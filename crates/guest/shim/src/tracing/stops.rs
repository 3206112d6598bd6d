//! Decides which of a tracee's stops are reported to the guest, and with which status.

use newroot_abi::Errno;
use newroot_paths::HostBuf;
use newroot_procfs::{Decimal, status};
use newroot_sys::arch;
use newroot_sys::arch::tracee::{POP_FLAGS, PUSH_FLAGS, TraceeRegisters};
use newroot_sys::raw;
use newroot_sys::table::{self as calls, Interrupted, SIGSYS};

use super::table::{self, Phase, Record};
use super::tracee::Tracee;
use super::{delegate, request};
use crate::call::shim_range;
use crate::kernel::{self, AT_FDCWD, Path};
use crate::slots;

const SIGTRAP: u32 = 5;
const SIGSTOP: u32 = 19;
/// Bit that PTRACE_O_TRACESYSGOOD adds to the SIGTRAP of a system call's stop.
const SYSTEM_CALL: u32 = 0x80;

mod event {
    pub(super) const FORK: u32 = 1;
    pub(super) const VFORK: u32 = 2;
    pub(super) const CLONE: u32 = 3;
    pub(super) const EXEC: u32 = 4;
    pub(super) const STOP: u32 = 128;
}

/// PTRACE_EVENTMSG_SYSCALL_ENTRY and _EXIT (Linux 5.3).
const MESSAGE_ENTRY: usize = 1;
const MESSAGE_EXIT: usize = 2;

/// Values of `si_code` of a single step's SIGTRAP: TRAP_BRKPT behind a system call, TRAP_TRACE, and
/// the signal's number at the start of a handler.
const STEP_CODES: [i32; 3] = [BEHIND_CALL as i32, 2, SIGTRAP as i32];
const BEHIND_CALL: u32 = 1;
/// `si_code` of a signal that a process sent.
const SI_USER: i32 = 0;

/// Results with which the kernel marks a call that is to be restarted (include/linux/errno.h).
const RESTARTS: core::ops::RangeInclusive<isize> = -516..=-512;
const RESTART: isize = -512;
const RESTART_WITHOUT_HANDLER: isize = -514;
/// First number behind the signals.
const SIGNALS: u32 = 65;

/// Decision about a stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The stop is reported to the guest with this status.
    Show(u32),
    /// The guest doesn't notice the stop: the tracee runs again.
    Hidden,
}

use Verdict::{Hidden, Show};

/// Judges a stop that the kernel reports with this status, encoded as in wait4(2).
pub(super) fn judge(tid: u32, status: u32) -> Verdict {
    let tracee = Tracee(tid);
    let Ok(registers) = tracee.registers() else {
        // Not a stopped tracee of this thread: a child that its terminal stopped, another thread's
        // tracee, or a tracee that was killed.
        return delegate::judge(tid, status).unwrap_or(Show(status));
    };
    let mut record = table::get(tid).unwrap_or_else(|| newcomer(tracee, status));
    if record.shown != 0 && record.raw == status {
        // The guest waits for the same stop again, after a wait with WNOWAIT. (A tracee that was
        // killed meanwhile has another status.)
        return Show(record.shown);
    }
    if record.prepared == 0 {
        tracee.set_options(record.options | request::O_TRACESYSGOOD);
        tracee.bypass_patches(true);
        record.prepared = 1;
    }
    (record.code, record.message) = (0, 0);
    let mut stop = Stop { tracee, registers, record };
    let verdict = stop.verdict(status);
    if let Show(shown) = verdict {
        (stop.record.shown, stop.record.raw) = (shown, status);
    }
    table::put(tid, &stop.record);
    verdict
}

/// Returns the first record of a tracee. A tracee that another tracee created has its creator's
/// options, although the creator's own stop may be reported later.
fn newcomer(tracee: Tracee, status: u32) -> Record {
    let (signal, event) = (status >> 8 & 0xff, status >> 16);
    let attached = match (event, signal) {
        (event::STOP, _) => true,
        (0, SIGSTOP) => tracee.info().is_some_and(|info| info.code == SI_USER),
        _ => false,
    };
    if !attached {
        return Record::default();
    }
    let creator = creators(tracee.0).into_iter().flatten().find_map(table::get);
    Record { options: creator.map_or(0, |creator| creator.options), prepared: 1, ..Record::default() }
}

/// Returns the processes that can have created a thread: its own process and the parent.
fn creators(tid: u32) -> [Option<u32>; 2] {
    let number = |key| number_in_status(tid, key);
    [number(b"Tgid").filter(|&process| process != tid), number(b"PPid")]
}

/// Returns the number that a thread's `status` file has for a key (proc_pid_status(5)).
pub(super) fn number_in_status(tid: u32, key: &[u8]) -> Option<u32> {
    let mut text = [0u8; 512];
    let len = read_status(tid, &mut text).ok()?;
    status::value(text.get(..len)?, key).and_then(Decimal::parse).map(|number| number as u32)
}

fn read_status(tid: u32, out: &mut [u8]) -> Result<usize, Errno> {
    let number = Decimal::new(tid.into());
    let mut path = HostBuf::new();
    for part in [b"/proc/", number.bytes(), b"/status"] {
        path.extend(part)?;
    }
    let file = kernel::openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0)?;
    kernel::read(file.number(), out)
}

struct Stop {
    tracee: Tracee,
    registers: TraceeRegisters,
    record: Record,
}

impl Stop {
    fn verdict(&mut self, status: u32) -> Verdict {
        let (signal, event) = (status >> 8 & 0xff, status >> 16);
        match (event, signal) {
            (0, _) if signal == SIGTRAP | SYSTEM_CALL => self.system_call(),
            (0, SIGSYS) => self.trap(status),
            (0, SIGTRAP) => self.sigtrap(status),
            (0, SIGSTOP) if self.is_inside() => self.leave(Record::STOP),
            (event::STOP, SIGTRAP) if self.is_inside() => self.leave(Record::INTERRUPT),
            (event::EXEC, _) if self.registers.ip() == arch::start() => self.exec(),
            (event::FORK | event::VFORK | event::CLONE, _) => self.child(status),
            _ => self.show(status),
        }
    }

    /// Returns whether the tracee is in its shim and can't be shown as if it weren't.
    fn is_inside(&mut self) -> bool {
        is_in_shim(self.registers.ip()) && (self.is_before_sleep() || !self.make_guests())
    }

    /// Returns whether the tracee is about to make a call that sleeps, whose end the tracer wants
    /// to see.
    fn is_before_sleep(&self) -> bool {
        self.record.phase == Phase::Inside && self.registers.ip() == arch::resume()
    }

    fn restart(&self, how: u32, signal: u32) -> Verdict {
        self.tracee.restart(how, signal);
        Hidden
    }

    /// Restarts the tracee in the way that the guest used last.
    fn go_on(&self, signal: u32) -> Verdict {
        // A tracee after PTRACE_LISTEN was woken by another event, so it runs on.
        let how = if matches!(self.record.request, 0 | request::LISTEN) {
            request::CONT
        } else {
            self.record.request
        };
        self.restart(how, signal)
    }

    /// Reports a stop, with the guest's registers where that is possible.
    fn show(&mut self, status: u32) -> Verdict {
        let signal = status >> 8;
        if self.is_before_sleep() && signal < SIGNALS && self.interrupt(signal) {
            return Hidden;
        }
        if self.record.phase == Phase::Interrupted && self.block(signal) {
            // The end of the call is reported first.
            return self.restart(request::SYSCALL, signal);
        }
        if matches!(self.record.phase, Phase::AfterExec | Phase::Interrupted) {
            // The signal is reported before the stop that the tracee was on the way to.
            self.restore();
            self.record.phase = Phase::Outside;
        } else if is_in_shim(self.registers.ip()) && !self.make_guests() && self.delay(signal) {
            return Hidden;
        }
        Show(status)
    }

    /// Delays a signal that arrives while the tracee can't be shown: when a call that slept ends
    /// and goes back to the handler, or later on the way out of the shim. Returns false for any
    /// other stop.
    fn delay(&mut self, signal: u32) -> bool {
        let on_the_way = matches!(self.record.phase, Phase::Inside | Phase::Leaving);
        if self.registers.ip() != behind_sleep() && !on_the_way {
            return false;
        }
        let before = self.tracee.mask();
        if !self.block(signal) {
            return false;
        }
        if self.record.delayed == 0 {
            (self.record.delayed, self.record.mask) = (1, before.unwrap_or(0));
        }
        if self.record.phase == Phase::Inside {
            self.restart(request::SYSCALL, signal);
        } else {
            self.record.phase = Phase::Leaving;
            self.record.step = 0;
            self.restart(request::SINGLESTEP, signal);
        }
        true
    }

    /// Blocks the signal of this stop, if it is a signal's stop; the kernel then queues it again
    /// unchanged. Returns whether it did.
    fn block(&self, signal: u32) -> bool {
        if !(1..SIGNALS).contains(&signal) || signal == SIGSYS {
            return false;
        }
        let Ok(mask) = self.tracee.mask() else { return false };
        self.tracee.set_mask(mask | 1 << (signal - 1));
        true
    }

    /// Restores the signal mask when the tracee has left the shim: a delayed signal arrives when
    /// the tracee runs again.
    fn restore_mask(&mut self) {
        if core::mem::take(&mut self.record.delayed) != 0 {
            self.tracee.set_mask(self.record.mask);
        }
    }

    /// Ends a call that sleeps before it is made, as the kernel ends a call for a signal. The
    /// tracer has seen the beginning of the call, so it must see the end before the signal. For
    /// that stop the tracee makes another call. The signal is blocked meanwhile, and the kernel
    /// queues it again unchanged.
    fn interrupt(&mut self, signal: u32) -> bool {
        let Ok((frame, number, _)) = self.tracee.frame(self.registers.sp()) else { return false };
        let Ok(mask) = self.tracee.mask() else { return false };
        let result = match calls::row_of(number).map(|row| row.interrupted) {
            Some(Interrupted::RestartWithoutHandler) => RESTART_WITHOUT_HANDLER,
            Some(Interrupted::Fail) => Errno::INTR.to_return(),
            Some(Interrupted::Restart) | None => RESTART,
        };
        self.record.saved = self.registers;
        self.record.saved.set_number(number);
        self.record.saved.set_result(result);
        self.record.saved.behind_call(&frame, number);
        self.record.mask = mask;
        if signal != 0 {
            self.tracee.set_mask(mask | 1 << (signal - 1));
        }
        self.registers.enter_again();
        self.tracee.set_registers(&self.registers);
        self.record.phase = Phase::Interrupted;
        self.tracee.restart(request::SYSCALL, signal);
        true
    }

    /// Restores the registers and the mask that the tracee had before it made another call.
    fn restore(&self) {
        self.tracee.set_registers(&self.record.saved);
        if self.record.phase == Phase::Interrupted {
            self.tracee.set_mask(self.record.mask);
        }
    }

    /// Reports the stop of a system call.
    fn show_call(&mut self) -> Verdict {
        if self.record.options & request::O_TRACESYSGOOD != 0 {
            return Show((SIGTRAP | SYSTEM_CALL) << 8 | 0x7f);
        }
        self.record.code = SIGTRAP;
        Show(SIGTRAP << 8 | 0x7f)
    }

    /// Gives the tracee the guest's registers if it is at a call that sleeps; returns false if it
    /// isn't.
    fn make_guests(&mut self) -> bool {
        let ip = self.registers.ip();
        let behind = behind_sleep();
        if ip != arch::resume() && ip != behind {
            return false;
        }
        let Ok((frame, number, note)) = self.tracee.frame(self.registers.sp()) else { return false };
        if ip != behind {
            self.registers.before_call(&frame, number);
        } else if RESTARTS.contains(&self.registers.result()) || !self.comes_back(frame.afterwards, note) {
            self.registers.behind_call(&frame, number);
        } else {
            return false;
        }
        self.tracee.set_registers(&self.registers);
        true
    }

    /// Returns whether a call that slept goes back to the handler. The resume code (`sys/src/arch`)
    /// decides by the same rules.
    fn comes_back(&self, afterwards: usize, note: [usize; 2]) -> bool {
        let refusals = [Errno::NXIO, Errno::ACCES, Errno::LOOP].map(Errno::to_return);
        let result = self.registers.result();
        match afterwards {
            0 => false,
            2 => refusals.contains(&result),
            3 => refusals.iter().take(2).any(|&refusal| refusal == result),
            4 => {
                result >= 0
                    && self
                        .tracee
                        .byte(note[0])
                        .is_ok_and(|byte| usize::from(byte).wrapping_add(note[1]) == 0)
            }
            _ => true,
        }
    }

    /// Judges a SIGSYS, which is a trap in most cases.
    fn trap(&mut self, status: u32) -> Verdict {
        let Some(info) = self.tracee.info().filter(|info| info.is_ours()) else { return self.show(status) };
        let from_guest = !is_in_shim(self.registers.ip());
        match self.record.phase {
            Phase::Leaving | Phase::Loading => return self.restart(request::SYSCALL, SIGSYS),
            Phase::Inside if !from_guest => return self.restart(request::SYSCALL, SIGSYS),
            _ => {}
        }
        self.record.number = info.call;
        match self.record.request {
            request::SYSCALL => {
                self.record.phase = Phase::Inside;
                self.restart(request::SYSCALL, SIGSYS)
            }
            request::SINGLESTEP | request::SINGLEBLOCK | request::SYSEMU_SINGLESTEP => {
                self.record.phase = Phase::Leaving;
                self.record.step = BEHIND_CALL;
                self.restart(request::SYSCALL, SIGSYS)
            }
            _ => {
                self.record.phase = Phase::Outside;
                self.go_on(SIGSYS)
            }
        }
    }

    fn sigtrap(&mut self, status: u32) -> Verdict {
        let code = self.tracee.info().map_or(SI_USER, |info| info.code);
        let in_shim = is_in_shim(self.registers.ip());
        if code == SI_USER && self.registers.ip() == arch::start() {
            // The SIGTRAP of an exec. It must arrive when the program is loaded: blocked, it is
            // queued again unchanged.
            if let Ok(mask) = self.tracee.mask() {
                self.tracee.set_mask(mask | 1 << (SIGTRAP - 1));
            }
            self.begin_loading();
            return self.restart(request::SYSCALL, SIGTRAP);
        }
        if code == SI_USER && self.registers.ip() == arch::entered() {
            // The same SIGTRAP, blocked since before the exec: the program is loaded now.
            self.registers.at_first_instruction(raw::__NR_execve as usize);
            self.tracee.set_registers(&self.registers);
            self.record.phase = Phase::Outside;
            return Show(status);
        }
        if !STEP_CODES.contains(&code) {
            return self.show(status);
        }
        match self.record.phase {
            Phase::Leaving => self.step_out(Some(status)),
            // The stop after the step over a call that trapped.
            Phase::Inside | Phase::Loading if in_shim => self.restart(request::SYSCALL, 0),
            _ if in_shim => {
                self.record.phase = Phase::Leaving;
                self.record.step = code as u32;
                self.step_out(Some(status))
            }
            _ => self.show(status),
        }
    }

    /// Brings the tracee out of the shim before it stops.
    fn leave(&mut self, again: u32) -> Verdict {
        self.record.again |= again;
        if self.is_before_sleep() && self.interrupt(0) {
            return Hidden;
        }
        match self.record.phase {
            Phase::Inside | Phase::Loading | Phase::AfterExec | Phase::Interrupted => {
                self.restart(request::SYSCALL, 0)
            }
            Phase::Leaving => self.step_out(None),
            _ => {
                self.record.phase = Phase::Leaving;
                // The guest must not see a step that it didn't request.
                self.record.request = request::CONT;
                self.step_out(None)
            }
        }
    }

    /// Repeats delayed signals and stops when the tracee has left the shim: they take effect when
    /// it runs again.
    fn stop_again(&mut self) {
        self.restore_mask();
        if self.record.again & Record::STOP != 0 {
            self.tracee.send(SIGSTOP);
        }
        if self.record.again & Record::INTERRUPT != 0 {
            self.tracee.interrupt();
        }
        self.record.again = 0;
    }

    /// Brings the tracee a bit further out of the shim. On a slot's stack it runs to the next
    /// system call, which either leaves the shim or leads to the guest's stack. On the guest's
    /// stack only a few instructions are left, which it steps over.
    fn step_out(&mut self, status: Option<u32>) -> Verdict {
        if is_in_shim(self.registers.ip()) {
            self.move_flags();
            let on_slot = slots::slot_of(self.registers.sp()) < slots::COUNT;
            return self.restart(if on_slot { request::SYSCALL } else { request::SINGLESTEP }, 0);
        }
        self.record.phase = Phase::Outside;
        self.stop_again();
        let steps = self.record.step != 0
            && matches!(
                self.record.request,
                request::SINGLESTEP | request::SINGLEBLOCK | request::SYSEMU_SINGLESTEP
            );
        match status {
            Some(status) if steps => {
                self.record.code = self.record.step;
                Show(status)
            }
            _ => self.go_on(0),
        }
    }

    /// Executes for the tracee the instructions that can't be single-stepped (pushf, popf).
    fn move_flags(&mut self) {
        match self.tracee.byte(self.registers.ip()) {
            Ok(PUSH_FLAGS) => {
                let flags = self.registers.push_flags();
                self.tracee.set_word(self.registers.sp(), flags);
            }
            Ok(POP_FLAGS) => match self.tracee.word(self.registers.sp()) {
                Ok(flags) => self.registers.pop_flags(flags),
                Err(_) => return,
            },
            _ => return,
        }
        self.tracee.set_registers(&self.registers);
    }

    /// Records a child of the tracee that is traced as well, and reports the event.
    fn child(&mut self, status: u32) -> Verdict {
        let child = self.tracee.message() as u32;
        let before = table::get(child).unwrap_or_default();
        let options = self.record.options;
        table::put(child, &Record { options, prepared: 1, ..before });
        Show(status)
    }

    // ---- system calls ------------------------------------------------------------------

    fn system_call(&mut self) -> Verdict {
        let ip = self.registers.ip();
        let in_shim = is_in_shim(ip);
        let begins = match self.tracee.message() {
            MESSAGE_ENTRY => true,
            MESSAGE_EXIT => false,
            _ => self.record.phase != Phase::Entered,
        };
        match self.record.phase {
            Phase::Leaving => self.step_out(None),
            Phase::Loading if !begins && ip == arch::entered() => self.loaded(),
            Phase::Loading => self.restart(request::SYSCALL, 0),
            Phase::AfterExec | Phase::Interrupted if begins => self.restart(request::SYSCALL, 0),
            Phase::AfterExec | Phase::Interrupted => {
                self.restore();
                self.ends()
            }
            Phase::Inside if !begins && ip == arch::start() => {
                self.begin_loading();
                self.restart(request::SYSCALL, 0)
            }
            Phase::Inside if !begins && !in_shim => {
                if self.record.number != raw::__NR_rt_sigreturn {
                    self.registers.set_number(self.record.number as usize);
                    self.tracee.set_registers(&self.registers);
                }
                self.ends()
            }
            Phase::Inside if in_shim => {
                let slept = !begins && ip == behind_sleep();
                if slept && self.make_guests() { self.ends() } else { self.restart(request::SYSCALL, 0) }
            }
            _ if begins => {
                self.record.phase = Phase::Entered;
                self.show_call()
            }
            _ if !in_shim && self.has_trapped() => {
                self.record.phase = Phase::Inside;
                self.record.number = self.registers.number() as u32;
                self.restart(request::SYSCALL, 0)
            }
            _ => self.ends(),
        }
    }

    /// Returns whether the call that ends here was not made but trapped.
    fn has_trapped(&self) -> bool {
        calls::row_of(self.registers.number()).is_some() && self.tracee.has_trapped()
    }

    /// Reports the end of the guest's call.
    fn ends(&mut self) -> Verdict {
        self.record.phase = Phase::Outside;
        self.stop_again();
        self.show_call()
    }

    // ---- exec --------------------------------------------------------------------------

    /// Handles the execution of the shim, which the guest wants to see as its own exec.
    fn exec(&mut self) -> Verdict {
        let message = self.tracee.message();
        // A thread that executes a program takes over the number of its process.
        if message as u32 != self.tracee.0
            && let Some(record) = table::get(message as u32)
        {
            self.record = Record { shown: 0, ..record };
            table::forget(message as u32);
        }
        self.begin_loading();
        self.record.event = message as u32 + 1;
        self.restart(request::SYSCALL, 0)
    }

    fn begin_loading(&mut self) {
        if self.record.phase != Phase::Inside && self.record.phase != Phase::Loading {
            self.record.number = raw::__NR_execve;
        }
        self.record.phase = Phase::Loading;
    }

    /// Handles the end of the last call of the shim's start: the program is loaded.
    fn loaded(&mut self) -> Verdict {
        self.registers.at_first_instruction(self.record.number as usize);
        self.record.phase = Phase::Outside;
        let event = core::mem::take(&mut self.record.event);
        if event != 0 {
            // At an event's stop the call has no result yet.
            self.registers.set_result(Errno::NOSYS.to_return());
        }
        self.tracee.set_registers(&self.registers);
        if let Some(message) = event.checked_sub(1) {
            let code = event::EXEC << 8 | SIGTRAP;
            self.record.phase = Phase::AtExec;
            self.record.code = code;
            self.record.message = message as usize + 1;
            return Show(code << 8 | 0x7f);
        }
        if self.record.request == request::SYSCALL {
            return self.ends();
        }
        self.stop_again();
        self.go_on(0)
    }
}

/// Restarts a tracee at the guest's request.
///
/// # Errors
/// The errnos of ptrace(2) for this request.
pub(super) fn restart(
    tid: u32,
    mut record: Record,
    how: u32,
    data: usize,
    run: impl Fn(usize) -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    let tracee = Tracee(tid);
    let again = core::mem::take(&mut record.again);
    if record.phase == Phase::AtExec {
        record.saved = tracee.registers()?;
        record.saved.set_result(0);
        tracee.set_registers(&record.saved);
    }
    if record.phase == Phase::AtExec && how == request::SYSCALL {
        // One more stop must follow, at the end of the execve(2).
        let mut registers = record.saved;
        registers.enter_again();
        tracee.set_registers(&registers);
        record.phase = Phase::AfterExec;
        record.again = again;
        record.request = how;
        record.shown = 0;
        table::put(tid, &record);
        return run(0);
    }
    if how == request::DETACH {
        tracee.bypass_patches(false);
    }
    let before = record;
    let stays = how == request::SYSCALL
        && match record.phase {
            Phase::Entered => true,
            // A stop that could only be shown within the shim.
            Phase::Inside => tracee.registers().is_ok_and(|registers| is_in_shim(registers.ip())),
            _ => false,
        };
    if !stays {
        record.phase = Phase::Outside;
    }
    record.request = how;
    record.shown = 0;
    // Before the tracee runs: another thread may wait for it.
    table::put(tid, &record);
    if again & Record::STOP != 0 {
        tracee.send(SIGSTOP);
    }
    if again & Record::INTERRUPT != 0 {
        tracee.interrupt();
    }
    let result = run(data);
    if result.is_err() {
        table::put(tid, &before);
    } else if how == request::DETACH {
        table::forget(tid);
    }
    result
}

/// Returns the address behind the instruction that makes a call that sleeps.
fn behind_sleep() -> usize {
    arch::resume() + arch::SYSTEM_CALL
}

fn is_in_shim(ip: usize) -> bool {
    let shim = shim_range();
    (shim.start as usize..=shim.end as usize).contains(&ip)
}
