//! kill -9 again and again while files are written and rotated: every line is judged once, whenever relapse dies.

use std::fs;
use std::fs::File;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::numbered;
use super::sidecar::Home;
use crate::peers;

/// Kills in a normal run; `RELAPSE_TEST_KILLS` asks for more.
const KILLS: usize = 15;
/// Lines between two rotations.
const LINES: usize = 60;
/// Rotations in one life of relapse at most, and rotated files that are kept: none goes before there was time to read it.
const ROTATIONS: usize = 3;
const KEPT: usize = 50;
/// In place of a number of lives.
const OVER: usize = usize::MAX;

/// Writes and rotates in turn: renamed with late lines in the old descriptor, or copied and emptied.
struct Application {
    path: PathBuf,
    log: File,
    written: usize,
    rotations: usize,
    /// Every third rotation copies and empties.
    copies: bool,
}

impl Application {
    fn new(path: PathBuf, copies: bool) -> Self {
        let log = open(&path);
        Self { path, log, written: 0, rotations: 0, copies }
    }

    fn write(&mut self, lines: usize) {
        for _ in 0..lines {
            self.log.write_all(numbered::line(self.written).as_bytes()).unwrap();
            self.written += 1;
        }
    }

    fn rotated(&self, generation: usize) -> PathBuf {
        PathBuf::from(format!("{}.{generation}", self.path.display()))
    }

    fn rotate(&mut self) {
        for generation in (1..KEPT).rev() {
            let _ = fs::rename(self.rotated(generation), self.rotated(generation + 1));
        }
        self.rotations += 1;
        if self.copies && self.rotations.is_multiple_of(3) {
            fs::copy(&self.path, self.rotated(1)).unwrap();
            self.log.set_len(0).unwrap();
        } else {
            fs::rename(&self.path, self.rotated(1)).unwrap();
            let new = open(&self.path);
            self.write(LINES / 10);
            self.log = new;
        }
    }

    /// Until no more lives are promised; gives how many lines were written.
    fn run(mut self, lives: &AtomicUsize) -> usize {
        loop {
            match lives.load(Ordering::SeqCst) {
                OVER => return self.written,
                lives if self.rotations >= lives * ROTATIONS => std::thread::sleep(Duration::from_millis(5)),
                _ => {
                    for _ in 0..LINES / 4 {
                        self.write(4);
                        std::thread::sleep(Duration::from_millis(8));
                    }
                    self.rotate();
                }
            }
        }
    }
}

fn open(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_over_files_that_rotate_loses_and_repeats_nothing() {
    let asked = std::env::var("RELAPSE_TEST_KILLS").ok();
    // A copy made before the first look after a kill may be judged again (docs/faults.md, C1): only the whole run makes some.
    let copies = asked.is_some();
    let kills = asked.map_or(KILLS, |kills| kills.parse().unwrap());
    let home = Home::new();
    let lives = Arc::new(AtomicUsize::new(0));
    let mut application = Application::new(home.path("app.log"), copies);
    // What was rotated before relapse ever looked is none of its business.
    application.write(1);
    let sidecar = home.start(&[]).await;
    sidecar.await_occurrences(1).await;
    sidecar.kill();
    let writer = {
        let lives = Arc::clone(&lives);
        std::thread::spawn(move || application.run(&lives))
    };
    for kill in 0..kills {
        lives.fetch_add(1, Ordering::SeqCst);
        let sidecar = home.start(&[]).await;
        // Different moments of a batch: nothing depends on how long it is.
        tokio::time::sleep(Duration::from_millis(50 + (kill as u64 * 37) % 450)).await;
        sidecar.kill();
    }
    let sidecar = home.start(&[]).await;
    lives.store(OVER, Ordering::SeqCst);
    let written = writer.join().unwrap();
    sidecar.await_occurrences(written as u64).await;
    peers::eventually("rest", || async { (sidecar.metric("relapse_source_lag_bytes").await == 0.0).then_some(()) })
        .await;
    assert_eq!(sidecar.occurrences().await, written as u64);
    assert_eq!(sidecar.stop().await, Some(0));
    numbered::each_once(&home.path("state"), written);
    println!("{kills} kills: {written} lines: 0 lost, 0 double");
}
