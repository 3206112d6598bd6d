//! Progress of making a root or an archive: a bar on a terminal, nothing elsewhere.

use std::ops::ControlFlow;
use std::path::Path;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use newroot_archive::Unit;
use newroot_roots::{Note, Observer, Warning};

use crate::commands::interrupt::Interrupt;
use crate::messages::Messages;

/// Observer that shows how far the work is, and ends it when a signal is pending.
pub(super) struct Progress<'a> {
    bar: ProgressBar,
    messages: Messages,
    interrupt: &'a Interrupt,
    /// Whether notes are shown.
    pub(super) verbose: bool,
    /// Template of the bar for an archive, once there is one.
    template: Option<&'static str>,
}

impl<'a> Progress<'a> {
    /// Returns a bar on stderr that appears with the first step, unless `messages` is quiet.
    pub(super) fn new(messages: Messages, interrupt: &'a Interrupt) -> Self {
        let target = if messages.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        set_style(&bar, "{bar:24} {pos}/{len} {wide_msg}");
        Self { bar, messages, interrupt, verbose: false, template: None }
    }
}

impl Progress<'_> {
    /// Returns whether there was anything to do.
    pub(super) fn has_begun(&self) -> bool {
        self.bar.length().is_some()
    }

    fn unless_interrupted(&self) -> ControlFlow<()> {
        if self.interrupt.is_pending() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Observer for Progress<'_> {
    fn progress(&mut self, done: usize, total: usize, current: &Path) -> ControlFlow<()> {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message(current.display().to_string());
        self.unless_interrupted()
    }

    fn warn(&mut self, warning: &Warning) {
        self.bar.suspend(|| self.messages.warning(warning));
    }

    fn note(&mut self, note: &Note) {
        if self.verbose {
            self.bar.suspend(|| self.messages.note(note));
        }
    }
}

impl newroot_archive::Observer for Progress<'_> {
    fn progress(&mut self, unit: Unit, done: u64, total: Option<u64>, current: &Path) -> ControlFlow<()> {
        let template = match (unit, total) {
            (Unit::Files, Some(_)) => "{bar:24} {pos}/{len} {wide_msg}",
            (Unit::Bytes, Some(_)) => "{bar:24} {binary_bytes}/{binary_total_bytes} {wide_msg}",
            (Unit::Files, None) => "{spinner} {wide_msg}",
            (Unit::Bytes, None) => "{spinner} {binary_bytes} {wide_msg}",
        };
        if self.template != Some(template) {
            self.template = Some(template);
            set_style(&self.bar, template);
        }
        if let Some(total) = total {
            self.bar.set_length(total);
        }
        self.bar.set_position(done);
        self.bar.set_message(current.display().to_string());
        self.unless_interrupted()
    }

    fn warn(&mut self, warning: &newroot_archive::Warning) {
        self.bar.suspend(|| self.messages.warning(warning));
    }
}

fn set_style(bar: &ProgressBar, template: &str) {
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
