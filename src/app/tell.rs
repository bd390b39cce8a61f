//! A notice as the terminal shows it, for the commands.

use crate::alert::redact::SafeNotice;
use crate::alert::terminal;
use crate::model::alert::Notice;

/// The coloured form; a stream that takes no colour strips it.
pub fn terminal(notice: &Notice) -> String {
    terminal::text(&SafeNotice::of(notice), true)
}
