//! Real logrotate, the ways it is used, under an application that goes on writing: every line once, whether the sidecar runs during a
//! rotation, was stopped before it or was killed.

use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use super::sidecar::Home;
use super::sidecar::Sidecar;
use super::sidecar::failure;
use crate::peers;

/// Lines before each rotation, after it into the old descriptor, and then into the new file.
const BEFORE: usize = 200;
const LATE: usize = 40;
const AFTER: usize = 60;

/// What happens to the sidecar while a file is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    Runs,
    IsStopped,
    IsKilled,
}

const ROUNDS: [Meanwhile; 4] = [Meanwhile::IsStopped, Meanwhile::Runs, Meanwhile::IsKilled, Meanwhile::Runs];

fn logrotate(home: &Home, options: &str) {
    let config = home.path("logrotate.conf");
    let log = home.path("app.log");
    let options = options.replace(';', "\n  ");
    let text = format!("{} {{\n  rotate 20\n  missingok\n  su root root\n  {options}\n}}\n", log.display());
    std::fs::write(&config, text).unwrap();
    // logrotate refuses configurations that others may write.
    std::fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let program = std::env::split_paths(&format!("{path}:/usr/sbin:/sbin"))
        .map(|dir: PathBuf| dir.join("logrotate"))
        .find(|path: &PathBuf| Path::is_file(path))
        .expect("logrotate is missing; scripts/test installs it");
    let state = home.path("logrotate.state");
    loop {
        let mut command = std::process::Command::new(&program);
        let output = command.args(["--verbose", "--state"]).arg(&state).arg(&config).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if said.contains("already exists, skipping rotation") {
            // A name by the second is taken by the rotation before.
            std::thread::sleep(Duration::from_millis(100));
            continue;
        }
        assert!(output.status.success() && said.contains("needs rotating"), "{said}");
        return;
    }
}

/// An application that writes numbered failures and reopens its log some time after it was renamed, or keeps it.
struct Application {
    log: File,
    path: PathBuf,
    written: usize,
}

impl Application {
    fn start(home: &Home) -> Self {
        let path = home.path("app.log");
        Self { log: Self::open(&path), path, written: 0 }
    }

    fn open(path: &Path) -> File {
        OpenOptions::new().create(true).append(true).open(path).unwrap()
    }

    fn write(&mut self, lines: usize) {
        for _ in 0..lines {
            self.log.write_all(failure(self.written).as_bytes()).unwrap();
            self.written += 1;
            if self.written.is_multiple_of(20) {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }

    fn reopen(&mut self) {
        self.log = Self::open(&self.path);
    }
}

async fn start(home: &Home, pattern: &str) -> Sidecar {
    let mut command = home.command();
    command.args(["--logs", pattern]);
    home.spawn(command).await
}

/// Rotates with `options` while `pattern` is followed.
async fn every_line_once(options: &str, pattern: &str) {
    let home = Home::new();
    let copies = options.contains("copytruncate");
    let mut application = Application::start(&home);
    let mut sidecar = start(&home, pattern).await;
    for meanwhile in ROUNDS {
        // What is compressed before it was read is lost, and that is no question of rotation.
        sidecar.await_occurrences(application.written as u64).await;
        application.write(BEFORE);
        let running = match meanwhile {
            Meanwhile::Runs => Some(sidecar),
            Meanwhile::IsStopped => {
                assert_eq!(sidecar.stop().await, Some(0));
                None
            }
            Meanwhile::IsKilled => {
                sidecar.kill();
                None
            }
        };
        // Not read by a sidecar that is gone, and just being read by one that runs.
        application.write(LATE);
        logrotate(&home, options);
        application.write(LATE);
        if !copies {
            application.reopen();
        }
        application.write(AFTER);
        sidecar = match running {
            Some(running) => running,
            None => start(&home, pattern).await,
        };
    }
    let written = application.written as u64;
    sidecar.await_occurrences(written).await;
    peers::eventually("rest", || async { (sidecar.metric("relapse_source_lag_bytes").await == 0.0).then_some(()) })
        .await;
    let seen = if copies { "relapse_source_gaps_total" } else { "relapse_source_rotations_total" };
    peers::eventually(seen, || async { (sidecar.metric(seen).await >= 1.0).then_some(()) }).await;
    assert_eq!(sidecar.stop().await, Some(0));
    let sidecar = start(&home, pattern).await;
    peers::eventually("rest", || async { (sidecar.metric("relapse_source_lag_bytes").await == 0.0).then_some(()) })
        .await;
    assert_eq!(sidecar.occurrences().await, written, "{options} with {pattern}: each line once");
    assert_eq!(sidecar.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn logrotate_create() {
    every_line_once("size 1;create", "app.log").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logrotate_create_with_rotated_names_in_the_pattern() {
    every_line_once("size 1;create", "app.log*").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logrotate_copytruncate() {
    every_line_once("size 1;copytruncate", "app.log").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logrotate_copytruncate_with_copies_in_the_pattern() {
    every_line_once("size 1;copytruncate", "*.log*").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logrotate_delaycompress() {
    every_line_once("size 1;create;compress;delaycompress", "app.log*").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logrotate_copytruncate_and_delaycompress() {
    every_line_once("size 1;copytruncate;compress;delaycompress", "*.log*").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logrotate_dateext_and_maxsize() {
    every_line_once("daily;maxsize 1;create;dateext;dateformat -%Y%m%d-%s", "app.log").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logrotate_copytruncate_with_dates_before_the_ending() {
    every_line_once("size 1;copytruncate;dateext;dateformat -%Y%m%d-%s;extension .log", "*.log").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logrotate_olddir() {
    every_line_once("size 1;create;olddir old;createolddir 755 root root", "app.log").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logrotate_copytruncate_and_olddir() {
    every_line_once("size 1;copytruncate;olddir old;createolddir 755 root root", "**/*.log*").await;
}
