//! Syslog from the programs that send it: `logger` of util-linux, over TCP, UDP and a Unix socket, and rsyslog forwarding.

use std::io::Write;
use std::net::TcpStream;
use std::process::Command;

use super::sidecar::Home;
use super::sidecar::Sidecar;
use crate::peers;

async fn start(home: &Home, listen: &str) -> Sidecar {
    std::fs::write(home.path("relapse.yaml"), format!("syslog: {{ listen: [{listen}] }}\n")).unwrap();
    let mut command = home.command();
    command.args(["--config", "relapse.yaml"]);
    home.spawn(command).await
}

fn logger(arguments: &[&str]) {
    let status = Command::new(peers::program(&["logger"])).args(arguments).status().unwrap();
    assert!(status.success(), "{arguments:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logger_is_heard_in_every_way_it_speaks() {
    let home = Home::new();
    let (tcp, udp) = (peers::free_address(), peers::free_address());
    let socket = home.path("log.sock");
    let listen = format!("'tcp:{tcp}', 'udp:{udp}', 'unix:{}'", socket.display());
    let sidecar = start(&home, &listen).await;
    let (tcp_port, udp_port) = (tcp.port().to_string(), udp.port().to_string());
    let server = ["-n", "127.0.0.1", "-p", "user.err", "-t", "api"];
    let mut sent = 0;
    for ways in [
        &["-T", "-P", &tcp_port, "--rfc3164"][..],
        &["-T", "-P", &tcp_port, "--rfc5424"],
        &["-T", "-P", &tcp_port, "--octet-count"],
        &["-d", "-P", &udp_port, "--rfc3164"],
        &["-d", "-P", &udp_port, "--rfc5424"],
    ] {
        sent += 1;
        logger(&[&server[..], ways, &[&format!("numbered failure {sent}")]].concat());
        sidecar.await_occurrences(sent).await;
    }
    logger(&["-u", socket.to_str().unwrap(), "-p", "user.err", "-t", "api", "--stderr", "numbered failure 6"]);
    sidecar.await_occurrences(6).await;
    assert_eq!(sidecar.occurrences().await, 6);
    assert!(sidecar.text("/readyz?verbose").await.contains("[+]source/syslog ok"));
    // Rows of a traceback come one by one; a counted message may hold them all.
    let mut connection = TcpStream::connect(tcp).unwrap();
    let row = |text: &str| format!("<11>Oct  1 08:00:00 host api[7]: {text}\n");
    let rows = [
        "numbered failure 7",
        "Traceback (most recent call last):",
        "  File \"a.py\", line 1, in f",
        "ValueError: numbered failure 7",
    ];
    connection.write_all(rows.map(row).concat().as_bytes()).unwrap();
    let whole = format!("<11>Oct  1 08:00:01 host api[7]: {}", rows.map(|row| row.replace('7', "8")).join("\n"));
    connection.write_all(format!("{} {whole}", whole.len()).as_bytes()).unwrap();
    sidecar.await_occurrences(8).await;
    assert_eq!(sidecar.stop().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn rsyslog_forwards() {
    let home = Home::new();
    let (to, from) = (peers::free_address(), peers::free_address());
    let sidecar = start(&home, &format!("'tcp:{to}'")).await;
    let work = home.path("rsyslog");
    std::fs::create_dir(&work).unwrap();
    let forward = |framing: &str| {
        format!(
            "action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{}\" protocol=\"tcp\" TCP_Framing=\"{framing}\")\n",
            to.port()
        )
    };
    let text = format!(
        "global(workDirectory=\"{}\")\nmodule(load=\"imudp\")\ninput(type=\"imudp\" address=\"127.0.0.1\" port=\"{}\")\n{}{}",
        work.display(),
        from.port(),
        forward("traditional"),
        forward("octet-counted"),
    );
    std::fs::write(home.path("rsyslog.conf"), text).unwrap();
    let (conf, pid) = (home.path("rsyslog.conf"), home.path("rsyslog.pid"));
    let program = std::path::Path::new("/usr/sbin/rsyslogd");
    assert!(program.is_file(), "rsyslogd is not installed; scripts/test installs it (Debian: rsyslog)");
    let mut rsyslog = Command::new(program).arg("-n").arg("-f").arg(&conf).arg("-i").arg(&pid).spawn().unwrap();
    // Its UDP socket is there when it is; what comes before is lost, so it is said until it is heard.
    let port = from.port().to_string();
    peers::eventually("a forwarded message", || async {
        logger(&["-n", "127.0.0.1", "-d", "-P", &port, "-t", "api", "-p", "user.err", "numbered failure 1"]);
        (sidecar.occurrences().await >= 2).then_some(())
    })
    .await;
    assert_eq!(sidecar.incidents().await[0]["service"], "api");
    rsyslog.kill().unwrap();
    rsyslog.wait().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_to_the_network_is_refused() {
    let home = Home::new();
    for (listen, wanted) in [("tcp:0.0.0.0:5514", "syslog.allow_public"), ("http:127.0.0.1:1", "tcp:127.0.0.1:5514")] {
        std::fs::write(home.path("relapse.yaml"), format!("syslog: {{ listen: ['{listen}'] }}\n")).unwrap();
        let status = home.command().args(["--config", "relapse.yaml"]).status().unwrap();
        assert_eq!(status.code(), Some(4), "{}", home.said("stderr"));
        assert!(home.said("stderr").contains(wanted), "{}", home.said("stderr"));
    }
}
