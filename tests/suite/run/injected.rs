//! Faults of the kernel, injected with strace: system calls that fail, or at which relapse is killed.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use super::numbered;
use super::sidecar::Home;
use super::sidecar::Sidecar;
use crate::peers;

/// Lines written before a fault, and while it lasts.
const LINES: usize = 20;

/// `relapse run` on `app.log` under strace, which injects `faults` (in strace's words) into the calls that touch `paths` (all calls if
/// there are none).
fn traced(home: &Home, paths: &[&str], faults: &[&str], arguments: &[&str]) -> Command {
    let relapse = home.command();
    let mut command = Command::new(peers::program(&["strace"]));
    // The child is relapse: strace is a process beside it, and ends with it.
    command.args(["-D", "-f", "-qq", "-o"]).arg(home.path("strace.out"));
    for path in paths {
        // By descriptor and by the name that relapse uses.
        command.arg("-P").arg(home.path(path)).args(["-P", path]);
    }
    for fault in faults {
        let call = fault.split(':').next().unwrap_or_default();
        command.args(["-e", &format!("trace={call}"), "-e", &format!("inject={fault}")]);
    }
    command.arg(relapse.get_program()).args(relapse.get_args()).args(["--logs", "app.log"]).args(arguments);
    command.current_dir(home.path("")).stdin(std::process::Stdio::null());
    command.stdout(std::fs::File::create(home.path("stdout")).unwrap());
    command.stderr(std::fs::File::create(home.path("stderr")).unwrap());
    command
}

/// Everything that was written is judged once, after the sidecar ended and was started again, too.
async fn settles(home: &Home, sidecar: Sidecar, written: usize) {
    sidecar.await_occurrences(written as u64).await;
    assert_eq!(sidecar.stop().await, Some(0), "{}", home.said("stderr"));
    numbered::each_once(&home.path("state"), written);
    let sidecar = home.start(&[]).await;
    assert_eq!(sidecar.occurrences().await, written as u64, "nothing is judged again");
    assert_eq!(sidecar.stop().await, Some(0));
}

/// The kernel drops hints when nobody takes them. relapse stands still while two files are written in turn (equal neighbours would count
/// once) until no hint fits any more; what is written then is read all the same. A look without a hint comes once in an hour here.
#[tokio::test]
async fn when_the_kernel_drops_hints_everything_is_looked_at() {
    let home = Home::new();
    let names = ["a.log", "b.log", "late.log"];
    std::fs::write(home.path("relapse.yaml"), "logs: { include: ['*.log'], poll_interval: 1h }\n").unwrap();
    names.iter().enumerate().for_each(|(number, name)| home.append(name, numbered::line(number)));
    let mut command = home.command();
    command.args(["--config", "relapse.yaml"]);
    let sidecar = home.spawn(command).await;
    sidecar.await_occurrences(3).await;
    sidecar.signal("-STOP");
    let room: usize =
        std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    let open = |name| std::fs::OpenOptions::new().append(true).open(home.path(name)).unwrap();
    let mut busy = [open("a.log"), open("b.log")];
    for _ in 0..room {
        for file in &mut busy {
            file.write_all(b"x\n").unwrap();
        }
    }
    home.append("late.log", numbered::line(3));
    sidecar.signal("-CONT");
    sidecar.await_occurrences(4).await;
    assert_eq!(sidecar.stop().await, Some(0));
}

#[tokio::test]
async fn without_inotify_files_are_polled() {
    let home = Home::new();
    home.append("app.log", numbered::lines(0..LINES));
    let sidecar = home.spawn(traced(&home, &[], &["inotify_init1:error=ENOSYS"], &[])).await;
    sidecar.await_occurrences(LINES as u64).await;
    home.append("app.log", numbered::lines(LINES..2 * LINES));
    settles(&home, sidecar, 2 * LINES).await;
}

#[tokio::test]
async fn where_inotify_has_reached_its_limits_files_are_polled_and_the_setting_is_named() {
    for (fault, setting) in [
        ("inotify_init1:error=EMFILE", "fs.inotify.max_user_instances"),
        ("inotify_add_watch:error=ENOSPC", "fs.inotify.max_user_watches"),
    ] {
        let home = Home::new();
        home.append("app.log", numbered::lines(0..LINES));
        let sidecar = home.spawn(traced(&home, &[], &[fault], &[])).await;
        sidecar.await_occurrences(LINES as u64).await;
        home.append("app.log", numbered::lines(LINES..2 * LINES));
        sidecar.await_occurrences(2 * LINES as u64).await;
        let said = home.said("stderr");
        assert!(said.contains(setting), "{said}");
        settles(&home, sidecar, 2 * LINES).await;
    }
}

/// The log cannot be read for a while (a network file system, a broken disk): it is shown, and nothing is lost when it is over.
#[tokio::test]
async fn a_log_that_fails_to_be_read_is_shown_and_read_when_it_can_be() {
    for errno in ["ESTALE", "EIO"] {
        let home = Home::new();
        home.append("app.log", numbered::lines(0..LINES));
        let fault = format!("pread64:error={errno}:when=1..8");
        let sidecar = home.spawn(traced(&home, &["app.log"], &[&fault], &[])).await;
        peers::eventually("the fault", || async {
            (sidecar.metric("relapse_source_unreadable_files").await >= 1.0).then_some(())
        })
        .await;
        home.append("app.log", numbered::lines(LINES..2 * LINES));
        sidecar.await_occurrences(2 * LINES as u64).await;
        peers::eventually("the end of the fault", || async {
            (sidecar.metric("relapse_source_unreadable_files").await == 0.0).then_some(())
        })
        .await;
        settles(&home, sidecar, 2 * LINES).await;
    }
}

/// A descriptor that is stale for good: the file is opened again by its name.
#[tokio::test]
async fn a_stale_descriptor_is_replaced() {
    let home = Home::new();
    home.append("app.log", numbered::lines(0..LINES));
    // What a look at an open descriptor asks; a look at a name is `statx` with a path.
    let fault = "statx:error=ESTALE:when=12..40+2";
    let sidecar = home.spawn(traced(&home, &["app.log"], &[fault], &[])).await;
    sidecar.await_occurrences(LINES as u64).await;
    home.append("app.log", numbered::lines(LINES..2 * LINES));
    settles(&home, sidecar, 2 * LINES).await;
}

#[tokio::test]
async fn a_process_out_of_descriptors_reads_its_logs_when_it_has_some() {
    let home = Home::new();
    home.append("app.log", numbered::lines(0..LINES));
    let sidecar = home.spawn(traced(&home, &["app.log"], &["openat:error=EMFILE:when=1..3"], &[])).await;
    peers::eventually("the advice", || async { home.said("stderr").contains("LimitNOFILE").then_some(()) }).await;
    settles(&home, sidecar, LINES).await;
}

/// The disk of the state refuses: detection goes on, positions wait, and it needs no restart when the disk takes writes again.
#[tokio::test]
async fn a_state_disk_that_refuses_for_a_while_loses_nothing() {
    for fault in ["fsync:error=EIO:when=6..8", "pwrite64:error=ENOSPC:when=30..32", "pwrite64:error=EIO:when=30..32"] {
        let home = Home::new();
        // The state is there: what refuses is what commits.
        assert_eq!(home.start(&[]).await.stop().await, Some(0));
        let sidecar = home.spawn(traced(&home, &[], &[fault], &[])).await;
        let mut written = 0;
        while !home.said("stderr").contains("failed to commit") {
            assert!(written < 2_000, "{fault}: the store was not asked for anything");
            home.append("app.log", numbered::line(written));
            written += 1;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let again = || async { home.said("stderr").contains("takes commits again").then_some(()) };
        peers::eventually("the end of the refusal", again).await;
        settles(&home, sidecar, written).await;
    }
}

/// A commit that takes seconds: reading waits, nothing else happens.
#[tokio::test]
async fn a_slow_disk_delays_and_loses_nothing() {
    let home = Home::new();
    assert_eq!(home.start(&[]).await.stop().await, Some(0));
    let sidecar = home.spawn(traced(&home, &[], &["fsync:delay_enter=3s:when=2"], &[])).await;
    for number in 0..LINES {
        home.append("app.log", numbered::line(number));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    settles(&home, sidecar, LINES).await;
}

/// SIGKILL at calls that change the state: those that make it, those that commit, those that tidy up at the next start.
#[tokio::test]
async fn killed_at_the_nth_write_of_the_state_loses_and_repeats_nothing() {
    let home = Home::new();
    let state = ["state", "state/relapse.db", "state/relapse.db-wal", "state/relapse.db-shm"];
    let (mut written, mut kills) = (0, 0);
    for (call, nth) in [
        ("fsync", 1),
        ("pwrite64", 2),
        ("pwrite64", 7),
        ("ftruncate", 1),
        ("pwrite64", 1),
        ("fsync", 2),
        ("pwrite64", 12),
        ("unlink", 1),
        ("fsync", 4),
        ("pwrite64", 21),
    ] {
        home.append("app.log", numbered::lines(written..written + LINES));
        written += LINES;
        let mut child = traced(&home, &state, &[&format!("{call}:signal=KILL:when={nth}")], &[]).spawn().unwrap();
        for _ in 0..100 {
            if child.try_wait().unwrap().is_some() {
                kills += 1;
                break;
            }
            home.append("app.log", numbered::line(written));
            written += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Where the nth call did not come it is killed all the same.
        let _ = child.kill();
        child.wait().unwrap();
    }
    assert!(kills >= 7, "{kills}: these are calls that the store makes");
    let sidecar = home.start(&[]).await;
    settles(&home, sidecar, written).await;
}
