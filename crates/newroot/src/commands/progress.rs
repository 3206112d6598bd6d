//! The progress of a root being made: a bar on a terminal, nothing elsewhere.

use std::ops::ControlFlow;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use newroot_roots::{Observer, Warning};

use crate::commands::interrupt::Interrupt;
use crate::messages::Messages;

/// Shows how far the work is, and ends it when the user wants to.
pub(super) struct Progress<'a> {
    bar: ProgressBar,
    messages: Messages,
    interrupt: &'a Interrupt,
}

impl<'a> Progress<'a> {
    /// A bar on stderr that appears with the first step.
    pub(super) fn new(messages: Messages, interrupt: &'a Interrupt) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {wide_msg}") {
            bar.set_style(style);
        }
        Self { bar, messages, interrupt }
    }
}

impl Progress<'_> {
    /// Whether there was anything to do.
    pub(super) fn has_begun(&self) -> bool {
        self.bar.length().is_some()
    }
}

impl Observer for Progress<'_> {
    fn progress(&mut self, done: usize, total: usize, current: &Path) -> ControlFlow<()> {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(current.display().to_string());
        if self.interrupt.is_pending() {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn warn(&mut self, warning: &Warning) {
        self.bar.suspend(|| self.messages.warning(warning));
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
