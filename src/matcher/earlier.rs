//! The time of the header line before a record. Receives the bytes of a stream and a record's start in them, gives what the nearest
//! header line in the history states. Asked of every match: what is known is kept, so that a storm of matches walks each line once.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::decode;
use crate::decode::LineClass;
use crate::matcher::buffer::HISTORY;
use crate::matcher::framing;

/// The last answer; places count from the beginning of the stream's buffer, dropped bytes included.
#[derive(Debug, Default)]
pub(crate) struct Earlier {
    /// Where the clocks are whose times name no zone.
    pub zone: Option<TimeZone>,
    asked: usize,
    header: Option<Header>,
}

#[derive(Debug, Clone, Copy)]
struct Header {
    at: usize,
    time: Timestamp,
}

impl Earlier {
    /// The time of the nearest header line that states one, among the whole lines of the history before the line start `start` of
    /// `bytes`. `dropped` bytes once stood before `bytes`.
    pub(crate) fn time(&mut self, bytes: &[u8], start: usize, dropped: usize) -> Option<Timestamp> {
        let floor = start.saturating_sub(HISTORY);
        // Lines before the place asked last were looked at then.
        let known = self.asked.checked_sub(dropped).filter(|known| (floor..=start).contains(known));
        let fresh = nearest(bytes, floor.max(known.unwrap_or(floor)), start, self.zone.as_ref());
        let header = match (fresh, known) {
            (Some((at, time)), _) => Some(Header { at: at + dropped, time }),
            (None, Some(_)) => self.header.filter(|header| header.at >= floor + dropped),
            (None, None) => None,
        };
        (self.asked, self.header) = (start + dropped, header);
        header.map(|header| header.time)
    }
}

/// The last header line with a time that lies wholly in `bytes[floor..start]`, and where it begins.
fn nearest(bytes: &[u8], floor: usize, start: usize, zone: Option<&TimeZone>) -> Option<(usize, Timestamp)> {
    let mut end = start;
    while end > floor {
        let line_start = framing::line_start(bytes, end - 1);
        if line_start < floor {
            return None;
        }
        let line = bytes.get(line_start..end).unwrap_or_default().trim_ascii_end();
        if decode::classify(line) == LineClass::Header
            && let Some(time) = decode::header_time(line, zone)
        {
            return Some((line_start, time));
        }
        end = line_start;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_changes_no_answer() {
        let mut text = Vec::new();
        let mut starts = vec![0];
        for number in 0..6_000 {
            let line = match number {
                700 => "2025-10-01 08:47:00,122 - a - INFO - x\n".to_owned(),
                710 => "INFO:     no time here\n".to_owned(),
                4_000 => "2025-10-01 09:00:00,122 - a - INFO - x\n".to_owned(),
                _ => format!("nothing but words, {number}\n"),
            };
            text.extend(line.bytes());
            starts.push(text.len());
        }
        for step in [97, 2_900] {
            let (mut earlier, mut met) = (Earlier::default(), 0);
            for start in starts.iter().step_by(step).chain(starts.iter().rev().take(3)) {
                // The buffer drops what is older than the history, one byte excepted.
                let dropped = start.saturating_sub(HISTORY + 1 + start % 7);
                let bytes = &text[dropped..];
                let fresh = Earlier::default().time(bytes, start - dropped, dropped);
                assert_eq!(earlier.time(bytes, start - dropped, dropped), fresh, "at {start} by {step}");
                met += usize::from(fresh.is_some());
            }
            assert!(met > 0);
        }
    }
}
