//! Process starts learnt from boot lines: a traceback does not say when its process started, the line `Booting worker with pid: 14`
//! further up does.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::sync::Arc;

use jiff::SignedDuration;
use jiff::Timestamp;

use crate::decode::boot::boot_instance;
use crate::model::position::Position;
use crate::model::record::Record;
use crate::model::record::Resource;

/// Workers that start within so long of each other are one start of the service.
const ONE_START: SignedDuration = SignedDuration::from_mins(10);
/// Paths remembered.
const MAX_PATHS: usize = 10_000;
/// Processes remembered a path.
const MAX_PROCESSES: usize = 256;
/// A new master process: what was known of its predecessors is history.
const MASTER: &str = "Starting gunicorn ";

/// What was said at each path about its processes. By path, not by file: a rotation changes the file and not the process.
#[derive(Debug, Default)]
pub(super) struct Boots {
    paths: HashMap<Arc<str>, BTreeMap<String, Timestamp>>,
}

impl Boots {
    /// Puts back what a stored position knows.
    pub(super) fn restore(&mut self, position: &Position) {
        let processes = self.paths.entry(Arc::from(position.path.as_str())).or_default();
        for (number, start) in &position.processes {
            let known = processes.entry(number.clone()).or_insert(*start);
            *known = (*known).max(*start);
        }
    }

    /// What is known of the processes that write to `path`.
    pub(super) fn known(&self, path: &str) -> BTreeMap<String, Timestamp> {
        self.paths.get(path).cloned().unwrap_or_default()
    }

    /// The resource of `record` as read from `path`, with the start of its process where that is known beyond doubt.
    pub(super) fn resource(&mut self, path: &Arc<str>, record: &Record) -> Resource {
        self.learn(path, record);
        let mut resource = record.resource.clone();
        resource.process_start = resource.process_start.or_else(|| self.start_of(path, record));
        resource
    }

    fn learn(&mut self, path: &Arc<str>, record: &Record) {
        let Some(boot) = boot_instance(record) else { return };
        let Some(at) = boot.at else { return };
        if self.paths.len() >= MAX_PATHS && !self.paths.contains_key(path) {
            return;
        }
        let processes = self.paths.entry(path.clone()).or_default();
        if record.body.starts_with(MASTER) || processes.len() >= MAX_PROCESSES {
            processes.clear();
        }
        processes.insert(boot.instance.unwrap_or_default(), at);
    }

    /// By the record's own process number; without one only if every process of the stream belongs to one start.
    fn start_of(&self, path: &Arc<str>, record: &Record) -> Option<Timestamp> {
        let processes = self.paths.get(path)?;
        if let Some(start) = record.attributes.get("process.pid").and_then(|pid| processes.get(pid)) {
            return Some(*start);
        }
        let (first, last) = (processes.values().min()?, processes.values().max()?);
        (last.duration_since(*first) <= ONE_START).then_some(*first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(minute: i8, body: &str, pid: Option<&str>) -> Record {
        let time = jiff::civil::date(2025, 10, 1).at(8, minute, 0, 0).to_zoned(jiff::tz::TimeZone::UTC).unwrap();
        let mut record = Record { time: Some(time.timestamp()), body: body.to_owned(), ..Record::default() };
        if let Some(pid) = pid {
            record.attributes.push("process.pid", pid);
        }
        record
    }

    #[test]
    fn a_start_is_known_by_process_number_or_when_there_was_only_one() {
        let (mut boots, stream) = (Boots::default(), Arc::from("a"));
        let start = |boots: &mut Boots, record: &Record| boots.resource(&stream, record).process_start;
        assert_eq!(start(&mut boots, &record(0, "boom", None)), None);
        start(&mut boots, &record(1, "Booting worker with pid: 7", Some("7")));
        start(&mut boots, &record(2, "Booting worker with pid: 8", Some("8")));
        assert_eq!(start(&mut boots, &record(3, "boom", None)), record(1, "", None).time, "one start of the service");
        assert_eq!(start(&mut boots, &record(3, "boom", Some("8"))), record(2, "", None).time);
        start(&mut boots, &record(30, "Booting worker with pid: 9", Some("9")));
        assert_eq!(
            start(&mut boots, &record(31, "boom", None)),
            None,
            "old and new workers: nobody knows which it was"
        );
        assert_eq!(start(&mut boots, &record(31, "boom", Some("7"))), record(1, "", None).time);
        start(&mut boots, &record(40, "Starting gunicorn 23.0.0", Some("1")));
        assert_eq!(start(&mut boots, &record(41, "boom", None)), record(40, "", None).time, "a new master");
    }

    #[test]
    fn streams_are_apart_and_a_stated_start_wins() {
        let (mut boots, one, other) = (Boots::default(), Arc::from("one"), Arc::from("other"));
        boots.resource(&one, &record(1, "Started server process [7]", None));
        assert_eq!(boots.resource(&other, &record(2, "boom", None)).process_start, None);
        let mut stated = record(2, "boom", None);
        stated.resource.process_start = record(0, "", None).time;
        assert_eq!(boots.resource(&one, &stated).process_start, stated.resource.process_start);

        let position = Position { path: "one".to_owned(), processes: boots.known("one"), ..Position::default() };
        let mut after = Boots::default();
        after.restore(&position);
        let known = after.resource(&one, &record(9, "boom", None)).process_start;
        assert_eq!(known, record(1, "", None).time, "a restart and a rotation change nothing");
    }
}
