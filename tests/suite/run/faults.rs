//! Odd input and odd surroundings: counted, said, never fatal.

use super::sidecar::Home;
use super::sidecar::failure;
use crate::peers;

#[tokio::test]
async fn a_line_is_never_lost_for_being_odd() {
    let home = Home::new();
    let sidecar = home.start(&[]).await;
    home.append("app.log", b"2025-10-01 08:00:00,000 - app - ERROR - \xff\xfe numbered failure 1 \xc3\n");
    home.append("app.log", b"2025-10-01 08:00:01,000 - app - ERROR - \0\0\0 numbered failure 2\0\n");
    let long = format!("2025-10-01 08:00:02,000 - app - ERROR - numbered failure 3 {}\n", "x".repeat(2 << 20));
    home.append("app.log", long);
    home.append("app.log", "{\"severity\":\"ERROR\",\"message\":\"numbered failure 4\n");
    home.append("app.log", "2025-10-01 08:00:03,000 - app - ERROR - \u{1b}[31mnumbered\u{1b}[0m failure 5\r\n");
    home.append("app.log", failure(6));
    sidecar.await_occurrences(6).await;
    assert!(sidecar.metric("relapse_records_odd_total{reason=\"invalid_utf8\"}").await >= 1.0);
    assert!(sidecar.metric("relapse_records_odd_total{reason=\"broken_json\"}").await >= 1.0);
    assert!(
        sidecar.metric("relapse_source_bytes_total{outcome=\"skipped_overlong\",source_kind=\"file\"}").await >= 1e6
    );
    assert_eq!(sidecar.occurrences().await, 6);
}

/// A carriage return alone and Unicode's separators end no line: what is between them is one record, judged like any other.
#[tokio::test]
async fn only_a_newline_ends_a_line() {
    let home = Home::new();
    let sidecar = home.start(&[]).await;
    home.append("app.log", "2025-10-01 08:00:00,000 - app - ERROR - 10%\r50%\rnumbered failure 1\rdone\n");
    home.append(
        "app.log",
        "2025-10-01 08:00:01,000 - app - ERROR - a\u{2028}numbered failure 2\u{2029}b\u{85}c\u{b}d\n",
    );
    home.append("app.log", "2025-10-01 08:00:02,000 - app - ERROR - numbered failure 3\r\r\n");
    // Nothing but carriage returns: one line that never ends, judged when it is idle.
    home.append("app.log", "2025-10-01 08:00:03,000 - app - ERROR - numbered failure 4\rnumbered failure 5\r");
    sidecar.await_occurrences(4).await;
    home.append("app.log", format!("\n{}", failure(6)));
    sidecar.await_occurrences(5).await;
    assert_eq!(sidecar.occurrences().await, 5, "the line without an end was judged once");
}

/// What is whole is judged as soon as it is read; only what may go on waits for its rest, here for an hour.
#[tokio::test]
async fn a_whole_object_is_judged_at_once() {
    let home = Home::new();
    let config = "logs: { include: [app.log], idle_flush: 1h }\n";
    std::fs::write(home.path("relapse.yaml"), config).unwrap();
    let object = |number| format!("{{\"severity\":\"ERROR\",\"message\":\"numbered failure {number}\"}}\n");
    home.append("app.log", object(1));
    let mut command = home.command();
    command.args(["--config", "relapse.yaml"]);
    let sidecar = home.spawn(command).await;
    // The form of a file is known by its first lines.
    home.append("app.log", (2..200).map(object).collect::<String>());
    sidecar.await_occurrences(199).await;
    home.append("app.log", object(200));
    sidecar.await_occurrences(200).await;
    // The control: text may go on, a traceback may follow. The next record ends it.
    home.append("app.log", failure(201));
    home.append("app.log", format!("  a row of it\n{}", object(202)));
    sidecar.await_occurrences(202).await;
    assert_eq!(sidecar.occurrences().await, 202, "nothing twice");
}

/// MiB of a line without an end; `RELAPSE_TEST_LINE_MIB` asks for more.
const LINE: usize = 192;

/// Neither its length nor a hole in the file makes memory grow.
#[tokio::test]
async fn memory_does_not_grow_with_a_line() {
    let mebibytes = std::env::var("RELAPSE_TEST_LINE_MIB").ok().map_or(LINE, |asked| asked.parse().unwrap());
    let home = Home::new();
    let sidecar = home.start(&[]).await;
    home.append("app.log", failure(1));
    sidecar.await_occurrences(1).await;
    let before = peak(sidecar.id());
    let block = vec![b'x'; 1 << 20];
    (0..mebibytes).for_each(|_| home.append("app.log", &block));
    home.append("app.log", format!("\n{}", failure(2)));
    sidecar.await_occurrences(2).await;
    let long = std::fs::metadata(home.path("app.log")).unwrap().len();
    // A hole of the same size.
    let file = std::fs::OpenOptions::new().write(true).open(home.path("app.log")).unwrap();
    file.set_len(2 * long).unwrap();
    home.append("app.log", format!("\n{}", failure(3)));
    sidecar.await_occurrences(3).await;
    let grown = peak(sidecar.id()) - before;
    println!("two lines of {mebibytes} MiB: peak RSS {before} KiB and {grown} KiB more");
    assert!(grown < 32 * 1024, "{grown} KiB more than {before}");
    // The last record is complete, and counted, when another one begins.
    let size = std::fs::metadata(home.path("app.log")).unwrap().len();
    home.append("app.log", failure(4));
    sidecar.await_occurrences(4).await;
    let skipped = sidecar.metric("relapse_source_bytes_total{outcome=\"skipped_overlong\",source_kind=\"file\"}").await;
    let matched = sidecar.metric("relapse_source_bytes_total{outcome=\"matched\",source_kind=\"file\"}").await;
    assert_eq!((skipped + matched).to_string(), size.to_string(), "every byte is accounted for");
}

/// The most memory a process has held so far, KiB.
fn peak(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test]
async fn near_misses_and_records_without_a_time_are_counted() {
    let home = Home::new();
    let sidecar = home.start(&[]).await;
    assert!(sidecar.text("/metrics").await.contains("relapse_near_misses_total{signature=\"numbered-failure\"} 0"));
    home.append("app.log", "ERROR: numbered failure 1\n");
    home.append("app.log", "2025-10-01 08:00:00,000 - app - ERROR - numbered failure one\n");
    home.append("app.log", failure(2));
    sidecar.await_occurrences(2).await;
    assert!(sidecar.metric("relapse_near_misses_total{signature=\"numbered-failure\"}").await >= 1.0);
    assert!(sidecar.metric("relapse_records_odd_total{reason=\"no_time\"}").await >= 1.0);
    assert_eq!(sidecar.occurrences().await, 2);
}

/// What nobody dated was written when its file was: an old file is old, whenever it is read.
#[tokio::test]
async fn lines_without_a_time_are_as_old_as_their_file() {
    let home = Home::new();
    home.append("app.log", "numbered failure 1\n");
    let before_the_fix: std::time::SystemTime = "2025-09-01T08:00:00Z".parse::<jiff::Timestamp>().unwrap().into();
    std::fs::File::open(home.path("app.log")).unwrap().set_modified(before_the_fix).unwrap();
    let sidecar = home.start(&[]).await;
    sidecar.await_occurrences(1).await;
    let incident = &sidecar.incidents().await[0];
    assert_eq!(incident["verdict"], "pre_fix", "{incident}");
    assert_eq!(incident["last_seen"], "2025-09-01T08:00:00Z");
    home.append("app.log", "numbered failure 2\n");
    sidecar.await_occurrences(2).await;
    assert_eq!(sidecar.incidents().await[0]["verdict"], "regression", "what is appended now is new");
}

#[tokio::test]
async fn a_missing_file_is_waited_for() {
    let home = Home::new();
    let sidecar = home.start(&[]).await;
    peers::eventually("waiting for app.log", || async {
        let ready = sidecar.text("/readyz?verbose").await;
        ready.contains("[+]source/file ok\n   waiting for app.log\n").then_some(())
    })
    .await;
    home.append("app.log", failure(1));
    sidecar.await_occurrences(1).await;
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let home = Home::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let status = home.command().args(["--logs", "app.log", "--listen", &address]).status().unwrap();
    assert_eq!(status.code(), Some(5));
    let said = home.said("stderr");
    assert!(said.contains(&address) && said.contains("--listen"), "{said}");
}

#[tokio::test]
async fn no_logs_and_a_bad_configuration_say_what_to_do() {
    let home = Home::new();
    assert_eq!(home.command().status().unwrap().code(), Some(4));
    assert!(home.said("stderr").contains("--logs"), "{}", home.said("stderr"));
    std::fs::write(home.path("relapse.yaml"), "logs: { include: [app.log] }\nhtpp: {}\n").unwrap();
    assert_eq!(home.command().args(["--config", "relapse.yaml"]).status().unwrap().code(), Some(4));
    let said = home.said("stderr");
    assert!(said.contains("htpp") && said.contains("http"), "{said}");
}

#[tokio::test]
async fn the_configuration_file_holds_what_the_flags_hold() {
    let home = Home::new();
    let text = "logs: { include: ['*.log'], from: start }\nincident: { quiet: 5m }\nresource: { release: 2.5.0 }\n";
    std::fs::write(home.path("relapse.yaml"), text).unwrap();
    let mut command = home.command();
    command.args(["--config", "relapse.yaml"]);
    let sidecar = home.spawn(command).await;
    home.append("other.log", failure(1));
    sidecar.await_occurrences(1).await;
    let incident = &sidecar.incidents().await[0];
    assert_eq!(incident["episode"]["releases"][0], "2.5.0");
    let metrics = sidecar.text("/metrics").await;
    assert!(metrics.contains("relapse_live_release_info"), "{metrics}");
    peers::eventually("the live release", || async {
        sidecar.text("/metrics").await.contains("release=\"2.5.0\"").then_some(())
    })
    .await;
}

#[tokio::test]
async fn standard_input_is_judged_to_its_end() {
    let home = Home::new();
    std::fs::write(home.path("in.log"), format!("{}{}", failure(1), failure(2))).unwrap();
    let status =
        home.command().args(["--logs", "-"]).stdin(std::fs::File::open(home.path("in.log")).unwrap()).status().unwrap();
    assert_eq!(status.code(), Some(0), "{}", home.said("stderr"));
    assert!(home.said("stdout").contains("RELAPSED"), "{}", home.said("stdout"));
}

#[tokio::test(flavor = "multi_thread")]
async fn more_files_than_descriptors_leave_metrics_and_state_alone() {
    let home = Home::new();
    std::fs::create_dir(home.path("logs")).unwrap();
    for number in 0..100 {
        home.append(&format!("logs/{number}.log"), failure(number));
    }
    let relapse = home.command();
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -n 64; exec \"$0\" \"$@\""]).arg(relapse.get_program()).args(relapse.get_args());
    command.args(["--logs", "logs/*.log"]).current_dir(home.path(""));
    let sidecar = home.spawn(command).await;
    // Files take turns with the descriptors there are, and neither the endpoint nor the store is starved.
    sidecar.await_occurrences(100).await;
    assert!(sidecar.text("/metrics").await.contains("relapse_source_bytes_total"));
    assert_eq!(sidecar.occurrences().await, 100);
}

/// Descriptors of relapse itself: at most 64 beside those of the files.
#[tokio::test(flavor = "multi_thread")]
async fn no_more_descriptors_than_files_and_64() {
    const FILES: usize = 300;
    let home = Home::new();
    std::fs::create_dir(home.path("logs")).unwrap();
    (0..FILES).for_each(|number| home.append(&format!("logs/{number}.log"), failure(number)));
    let mut command = home.command();
    command.args(["--logs", "logs/*.log"]);
    let sidecar = home.spawn(command).await;
    sidecar.await_occurrences(FILES as u64).await;
    let open = std::fs::read_dir(format!("/proc/{}/fd", sidecar.id())).unwrap().count();
    assert!((FILES..=FILES + 64).contains(&open), "{open} descriptors for {FILES} files");
}
