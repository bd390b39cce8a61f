//! The loop around the tailer, with the real file system's notifications, and standard input. Waiting here is for events, with a
//! limit that only a hanging program reaches.

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::Receiver;
use std::sync::mpsc::channel;
use std::thread::JoinHandle;
use std::time::Duration;

use jiff::SignedDuration;
use jiff::Timestamp;
use notify::Event;
use notify::EventKind;
use notify::event::AccessKind;
use notify::event::CreateKind;
use notify::event::DataChange;
use notify::event::Flag;
use notify::event::ModifyKind;
use relapse::source::Batch;
use relapse::source::Control;
use relapse::source::OutputClosed;
use relapse::source::file::FileConfig;
use relapse::source::file::discover::Discovery;
use relapse::source::file::follow;
use relapse::source::file::tail::Tailer;
use relapse::source::file::watch::Hints;
use relapse::source::file::watch::advice;
use relapse::source::status::StatusHandle;
use relapse::source::stdin::Intake;
use relapse::source::stdin::StdinConfig;
use tokio_util::sync::CancellationToken;

use super::rig::Lines;
use super::rig::Rig;
use super::rig::Store;

const LIMIT: Duration = Duration::from_mins(1);

/// A clock that stands still: nothing is ever due, so what is read was read because of a hint.
fn standing_clock() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

struct Running {
    control: Control,
    batches: Receiver<Batch>,
    thread: JoinHandle<Result<(), OutputClosed>>,
}

impl Running {
    fn start(rig: &Rig) -> Self {
        let control = Control { now: standing_clock, status: StatusHandle::default(), stop: CancellationToken::new() };
        let (sender, batches) = channel();
        let discovery = Discovery::new(&rig.config.include, &[]).unwrap();
        let mut tailer = Tailer::new(rig.config.clone(), discovery, rig.store.load(), Lines::new);
        let inner = control.clone();
        let thread = std::thread::spawn(move || {
            follow(&mut tailer, &inner, &mut || None, &mut |batch| sender.send(batch).map_err(|_| OutputClosed))
        });
        Self { control, batches, thread }
    }

    /// The first look is over and the watches are set.
    fn ready(&self) {
        while self.control.status.snapshot().last_poll.is_none() {
            assert!(!self.thread.is_finished());
            std::thread::yield_now();
        }
    }

    fn expect(&self, store: &mut Store, line: &str) {
        while store.reports.last().is_none_or(|last| last != line) {
            store.commit(self.batches.recv_timeout(LIMIT).unwrap());
        }
    }
}

#[test]
fn a_hint_alone_brings_appended_lines_new_files_and_rotation() {
    let mut rig = Rig::new(&["*.log"]);
    rig.append("app.log", "one\n");
    let running = Running::start(&rig);
    running.ready();
    let store = &mut Store::default();
    running.expect(store, "one");
    rig.append("app.log", "two\n");
    running.expect(store, "two");
    rig.append("other.log", "three\n");
    running.expect(store, "three");
    rig.rename("app.log", "app.log.1");
    rig.append("app.log", "four\n");
    running.expect(store, "four");
    rig.append("app.log", "pending");
    running.control.stop.cancel();
    running.thread.join().unwrap().unwrap();
    for batch in running.batches {
        store.commit(batch);
    }
    assert!(!running.control.status.snapshot().running);
    rig.store.positions = std::mem::take(&mut store.positions);
    rig.start();
    rig.append("app.log", " and done\n");
    rig.tick();
    assert_eq!(rig.reports(), ["pending and done"], "a restart goes on at the start of the pending record");
}

#[test]
fn a_closed_output_ends_the_source() {
    let rig = Rig::new(&["app.log"]);
    rig.append("app.log", "one\n");
    let running = Running::start(&rig);
    running.ready();
    drop(running.batches);
    rig.append("app.log", "two\n");
    assert_eq!(running.thread.join().unwrap(), Err(OutputClosed));
}

fn data(path: &str) -> Event {
    let kind = EventKind::Modify(ModifyKind::Data(DataChange::Any));
    Event::new(kind).add_path(PathBuf::from(path))
}

#[test]
fn hints_about_one_file_count_once() {
    let hints = Hints::default();
    for _ in 0..100_000 {
        hints.note(&Ok(data("/logs/app.log")));
    }
    let pending = hints.take();
    assert_eq!((pending.all, pending.paths.len()), (false, 1));
    assert!(hints.take().paths.is_empty());
}

#[test]
fn too_many_hints_and_everything_unclear_mean_a_look_at_everything() {
    let hints = Hints::default();
    (0..5000).for_each(|number| hints.note(&Ok(data(&format!("/logs/{number}.log")))));
    let pending = hints.take();
    assert!(pending.all && pending.paths.len() <= 4096, "memory stays bounded");

    let unclear = [
        Ok(Event::new(EventKind::Other).set_flag(Flag::Rescan)),
        Ok(Event::new(EventKind::Create(CreateKind::File))),
        Err(notify::Error::generic("lost")),
    ];
    for event in unclear {
        hints.note(&event);
        assert!(hints.take().all);
    }
    hints.note(&Ok(Event::new(EventKind::Access(AccessKind::Any))));
    assert!(!hints.wait(Duration::ZERO), "opening and closing is no news");
}

#[test]
fn watch_limits_come_with_the_setting_to_raise() {
    let errno = |code| notify::Error::io(std::io::Error::from_raw_os_error(code));
    assert!(advice(&errno(28)).unwrap().contains("fs.inotify.max_user_watches"));
    assert!(advice(&notify::Error::new(notify::ErrorKind::MaxFilesWatch)).unwrap().contains("max_user_watches"));
    assert!(advice(&errno(24)).unwrap().contains("fs.inotify.max_user_instances"));
    assert_eq!(advice(&errno(13)), None);
}

#[test]
fn standard_input_is_read_to_its_end() {
    let control = Control { now: standing_clock, status: StatusHandle::default(), stop: CancellationToken::new() };
    let (reader, mut writer) = std::io::pipe().unwrap();
    let (sender, batches) = channel();
    let intake = Intake::new(&StdinConfig::default(), control.clone(), Lines::new("<stdin>".into(), 0, 1));
    let thread = std::thread::spawn(move || {
        intake.follow(reader, &mut || None, &mut |batch| sender.send(batch).map_err(|_| OutputClosed))
    });
    let mut store = Store::default();
    writer.write_all(b"one\ntwo\nhalf").unwrap();
    while store.reports.last().is_none_or(|last| last != "half") {
        // Comes when nothing follows for a while.
        store.commit(batches.recv_timeout(LIMIT).unwrap());
    }
    writer.write_all(b" line").unwrap();
    drop(writer);
    thread.join().unwrap().unwrap();
    for batch in batches {
        store.commit(batch);
    }
    assert_eq!(store.sorted(), ["half line", "one", "two"]);
    assert_eq!(store.bytes, 17);
    assert!(store.positions.is_empty(), "it cannot be read again");
    let status = control.status.snapshot();
    assert_eq!((status.running, status.totals.bytes_read), (false, 17));
}

#[test]
fn standard_input_that_waits_can_be_stopped() {
    let control = Control { now: standing_clock, status: StatusHandle::default(), stop: CancellationToken::new() };
    let (reader, _writer) = std::io::pipe().unwrap();
    control.stop.cancel();
    let intake = Intake::new(&StdinConfig::default(), control, Lines::new("<stdin>".into(), 0, 1));
    intake.follow(reader, &mut || None, &mut |_| Ok(())).unwrap();
}

#[test]
fn the_configuration_has_defaults_and_knows_its_fields() {
    let read = |text: &str| serde_yaml::from_str::<FileConfig>(text).map_err(|error| error.to_string());
    let config = read("{include: [a.log], poll_interval: 250ms, from: end}").unwrap();
    assert_eq!(config.poll_interval, SignedDuration::from_millis(250));
    assert_eq!(config.rotate_wait, FileConfig::default().rotate_wait);
    let error = read("{includes: [a.log]}").unwrap_err();
    assert!(error.contains("includes"), "{error}");
    assert!(read("{poll_interval: soon}").is_err());
}
