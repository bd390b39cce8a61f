//! A real journal, made by systemd's own tool and followed by a sidecar through `journalctl`.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::process::Stdio;

use super::sidecar::Home;
use super::sidecar::Sidecar;

/// A directory with one journal file that grows.
struct Journal {
    file: PathBuf,
    entries: u64,
}

impl Journal {
    fn new(home: &Home) -> Self {
        std::fs::create_dir(home.path("journal")).unwrap();
        Self { file: home.path("journal/test.journal"), entries: 0 }
    }

    /// Appends entries of (unit, process, message), as the journal's export format has them.
    fn append(&mut self, entries: &[(&str, u32, &[u8])]) {
        let mut text: Vec<u8> = Vec::new();
        // What comes later is no row of what came before.
        self.entries += 10_000;
        for (unit, pid, message) in entries {
            self.entries += 1;
            let micros = 1_759_305_600_000_000 + self.entries * 1_000;
            write!(text, "__REALTIME_TIMESTAMP={micros}\n__MONOTONIC_TIMESTAMP={}\n", self.entries * 1_000).unwrap();
            write!(text, "_BOOT_ID=1f2e3d4c5b6a79880102030405060708\n_MACHINE_ID=00112233445566778899aabbccddeeff\n")
                .unwrap();
            write!(text, "PRIORITY=3\n_HOSTNAME=host-1\n_PID={pid}\n_SYSTEMD_UNIT={unit}\nMESSAGE\n").unwrap();
            text.extend((message.len() as u64).to_le_bytes());
            text.extend_from_slice(message);
            text.extend(b"\n\n");
        }
        let tool = ["/lib/systemd/systemd-journal-remote", "/usr/lib/systemd/systemd-journal-remote"];
        let tool = tool.iter().find(|path| std::path::Path::new(path).is_file());
        let tool = tool.expect(
            "systemd-journal-remote is not installed; scripts/test installs it (Debian: systemd-journal-remote)",
        );
        let mut child = Command::new(tool)
            .arg("-o")
            .arg(&self.file)
            .arg("-")
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(&text).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

async fn start(home: &Home) -> Sidecar {
    std::fs::write(home.path("relapse.yaml"), "journald: { directory: journal }\n").unwrap();
    let mut command = home.command();
    command.args(["--config", "relapse.yaml"]);
    home.spawn(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_is_followed_over_restarts_of_everything() {
    let home = Home::of("other", super::sidecar::CATALOG);
    let mut journal = Journal::new(&home);
    journal.append(&[
        ("api.service", 77, b"ERROR: numbered failure 1"),
        ("web.service", 88, b"calm"),
        ("api.service", 77, b"Traceback (most recent call last):"),
        ("web.service", 88, b"calm"),
        ("api.service", 77, b"  File \"a.py\", line 1, in <module>"),
        ("api.service", 77, b"ValueError: 7 \xff"),
    ]);
    let sidecar = start(&home).await;
    sidecar.await_occurrences(1).await;
    let incident = &sidecar.incidents().await[0];
    assert_eq!((&incident["service"], &incident["last_seen"]), (&"api".into(), &"2025-10-01T08:00:10.001Z".into()));
    let evidence = incident["episode"].to_string();
    assert!(evidence.contains("ValueError: 7"), "the rows are one record: {evidence}");

    journal.append(&[("api.service", 77, b"numbered failure 2\nnumbered failure 3 in the same entry")]);
    sidecar.await_occurrences(2).await;
    sidecar.kill();

    journal.append(&[("api.service", 77, b"INFO: calm"), ("api.service", 77, b"ERROR: numbered failure 4")]);
    let sidecar = start(&home).await;
    sidecar.await_occurrences(3).await;
    assert_eq!(sidecar.occurrences().await, 3, "what was judged is not judged again");

    // The subprocess ends; it is begun anew behind the last entry.
    let children = Command::new("ps").args(["-o", "pid=", "--ppid", &sidecar.id().to_string()]).output().unwrap();
    let child = String::from_utf8_lossy(&children.stdout).trim().to_owned();
    assert!(Command::new("kill").arg(&child).status().unwrap().success());
    journal.append(&[("api.service", 78, b"ERROR: numbered failure 5")]);
    sidecar.await_occurrences(4).await;
    assert_eq!(sidecar.occurrences().await, 4);
    assert!(sidecar.metric("relapse_source_restarts_total{source_kind=\"journald\"}").await >= 1.0);
    assert!(sidecar.text("/readyz?verbose").await.contains("[+]source/journald ok"));
    assert_eq!(sidecar.stop().await, Some(0));
}

#[test]
fn check_says_what_would_be_read() {
    let home = Home::new();
    let mut journal = Journal::new(&home);
    journal.append(&[("api.service", 77, b"calm")]);
    for (directory, code, wanted) in
        [("journal", 0, "the latest of 2025-10-01T08:00:10.001Z"), ("missing", 5, "error: ")]
    {
        std::fs::write(home.path("relapse.yaml"), format!("journald: {{ directory: {directory} }}\n")).unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_relapse"))
            .args(["check", "catalog.yaml", "--config", "relapse.yaml", "--connect"])
            .current_dir(home.path(""))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(wanted), "{said}");
        assert_eq!(output.status.code(), Some(code), "{said}");
    }
}
