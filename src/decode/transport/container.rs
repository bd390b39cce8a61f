//! What container runtimes write: CRI (`time stream P|F text`) and Docker's json-file (`{"log":…,"stream":…,"time":…}`). Long lines come
//! in parts, and standard output and error take turns: the parts are joined, the streams told apart. Both come out as whole CRI lines,
//! so that what reads them needs to know one form only.

use std::borrow::Cow;

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::decode::prefix;
use crate::decode::transport::Emit;
use crate::decode::transport::encoding::Place;

/// A joined line is cut at so many bytes.
const MAX_JOINED: usize = 4 << 20;

/// One line of the json-file driver.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    #[serde(borrow)]
    log: Cow<'a, str>,
    #[serde(borrow)]
    stream: Cow<'a, str>,
    #[serde(borrow)]
    time: Cow<'a, str>,
    #[serde(default, rename = "attrs")]
    _attributes: Option<IgnoredAny>,
}

/// Whether `line` is one of Docker's.
pub(super) fn is_docker(line: &[u8]) -> bool {
    line.starts_with(b"{\"log\":\"") && serde_json::from_slice::<Entry<'_>>(line).is_ok()
}

/// Whether `line` is one of CRI's.
pub(super) fn is_cri(line: &[u8]) -> bool {
    prefix::cri_len(line) > 0
}

/// The parts of lines that have not ended, one a stream.
#[derive(Debug, Default)]
pub(super) struct Parts {
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    stream: Vec<u8>,
    text: Vec<u8>,
    place: Place,
}

impl Parts {
    /// Where the oldest unended line begins.
    pub(super) fn pending(&self) -> Option<Place> {
        self.open.iter().map(|open| open.place).min_by_key(|place| place.offset)
    }

    /// One line of Docker's json-file; a line that is none goes through as it is.
    pub(super) fn docker(&mut self, line: &[u8], place: Place, emit: &mut Emit<'_>) {
        let Ok(entry) = serde_json::from_slice::<Entry<'_>>(line) else { return emit(b"", line, place) };
        let (text, ended) = match entry.log.strip_suffix('\n') {
            Some(text) => (text, true),
            None => (&*entry.log, false),
        };
        let head = |flag: &str| format!("{} {} {flag} ", entry.time, entry.stream).into_bytes();
        self.part((entry.stream.as_bytes(), || head("F")), text.as_bytes(), ended, (place, emit));
    }

    /// One line of CRI.
    pub(super) fn cri(&mut self, line: &[u8], place: Place, emit: &mut Emit<'_>) {
        let head = prefix::cri_len(line);
        if head == 0 {
            return emit(b"", line, place);
        }
        let (prefix, text) = line.split_at(head);
        let mut words = prefix.split(|byte| *byte == b' ').skip(1);
        let (stream, flag) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let whole = flag != b"P";
        if whole && self.open.is_empty() {
            return emit(stream, line, place);
        }
        let time = prefix.split(|byte| *byte == b' ').next().unwrap_or_default();
        let head = || [time, stream, b"F "].join(&b' ');
        self.part((stream, head), text, whole, (place, emit));
    }

    fn part(
        &mut self,
        (stream, head): (&[u8], impl Fn() -> Vec<u8>),
        text: &[u8],
        ended: bool,
        (place, emit): (Place, &mut Emit<'_>),
    ) {
        let known = self.open.iter().position(|open| open.stream == stream);
        if let Some(open) = known.and_then(|at| self.open.get_mut(at)) {
            let room = MAX_JOINED.saturating_sub(open.text.len()).min(text.len());
            open.text.extend_from_slice(text.get(..room).unwrap_or_default());
        } else {
            let mut whole = head();
            whole.extend_from_slice(text);
            if ended {
                return emit(stream, &whole, place);
            }
            self.open.push(Open { stream: stream.to_vec(), text: whole, place });
        }
        if let Some(open) = known.filter(|_| ended).map(|at| self.open.remove(at)) {
            emit(&open.stream, &open.text, open.place);
        }
    }

    /// Nothing more comes: what is open is all there is.
    pub(super) fn finish(&mut self, emit: &mut Emit<'_>) {
        for open in self.open.drain(..) {
            emit(&open.stream, &open.text, open.place);
        }
    }
}
