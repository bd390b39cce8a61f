//! The miniature service of `tests/generate/service`, run by real uvicorn or gunicorn. Receives its code, a server, a logging library and
//! the file its output goes to; answers real HTTP and WebSocket requests until it is dropped.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::TempDir;

use crate::peers;

pub(super) const STARTUP: &str = "netra_backend/app/startup_module.py";
pub(super) const HANDLER: &str = "netra_backend/app/websocket_core/agent_handler.py";
pub(super) const SUPERVISOR: &str = "netra_backend/app/websocket_core/supervisor_factory.py";
pub(super) const INIT: &str = "netra_backend/app/websocket_core/unified_init.py";

const APPLICATION: &str = "netra_backend.app.main:app";

/// The interpreter that has the loggers and servers.
pub(super) fn python() -> PathBuf {
    let named = std::env::var_os("RELAPSE_TEST_PYTHON");
    named.map(PathBuf::from).expect("RELAPSE_TEST_PYTHON is not set; run scripts/test, which makes the interpreter")
}

/// What serves the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Server {
    Uvicorn,
    /// uvicorn whose own lines go through the application's logging.
    UvicornPropagating,
    /// Two workers of uvicorn under gunicorn.
    Gunicorn,
}

/// The service's files in a directory of their own.
#[derive(Debug)]
pub(super) struct Code {
    root: TempDir,
}

impl Code {
    /// `fixed`: files as they are after the fix. `stale`: files whose source is fixed while their bytecode is not.
    pub(super) fn lay_out(fixed: &[&str], stale: &[&str]) -> Self {
        let root = TempDir::new().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/generate/layout.py");
        let mut command = Command::new(python());
        command.env("PYTHONDONTWRITEBYTECODE", "1").arg(script).arg(root.path().join("app"));
        command.arg("--fixed").args(fixed).arg("--stale").args(stale);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { root }
    }

    pub(super) fn path(&self, file: &str) -> PathBuf {
        self.root.path().join("app").join(file)
    }

    /// Sets the wall clock of services started with `RELAPSE_FAKE_CLOCK`.
    pub(super) fn set_clock(&self, now: Timestamp) {
        // Replaced whole: a reader must never see half a time.
        let fresh = self.root.path().join("clock.new");
        std::fs::write(&fresh, format!("{now:.3}")).unwrap();
        std::fs::rename(fresh, self.clock()).unwrap();
    }

    fn clock(&self) -> PathBuf {
        self.root.path().join("clock")
    }

    /// Starts the service and waits for every worker of it. Its output is added to `log`.
    pub(super) async fn start(&self, server: Server, logging: &str, log: &Path) -> Service {
        let said = || std::fs::read_to_string(log).unwrap_or_default();
        let started = || said().matches("Application startup complete").count();
        let wanted = started() + if server == Server::Gunicorn { 2 } else { 1 };
        let service = self.launch(server, logging, log);
        // The socket listens already: the answer comes when the application is up.
        assert_eq!(service.get("/health").await, 200, "{}", said());
        peers::eventually("the start of every worker", || async { (started() >= wanted).then_some(()) }).await;
        service
    }

    /// Starts the service. The listening socket is handed over as standard input, so that nobody else can have its port.
    pub(super) fn launch(&self, server: Server, logging: &str, log: &Path) -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let output = OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut command = Command::new(python());
        match server {
            Server::Uvicorn => command.args(["-m", "uvicorn", "--fd", "0"]),
            Server::UvicornPropagating => {
                command.args(["-m", "uvicorn", "--fd", "0", "--log-config", "uvicorn_log.json"])
            }
            Server::Gunicorn => command.args(["-m", "gunicorn", "-c", "gunicorn_conf.py", "-w", "2", "-b", "fd://0"]),
        };
        let app = self.path("");
        command.arg(APPLICATION).current_dir(&app).env("PYTHONPATH", &app).env("RELAPSE_LOGGING", logging);
        command.envs([("TZ", "UTC"), ("PYTHONUTF8", "1"), ("PYTHONDONTWRITEBYTECODE", "1")]);
        command.envs([("GOOGLE_CLOUD_PROJECT", "netra-staging"), ("RELAPSE_DEGRADED", "1")]);
        if self.clock().exists() {
            command.env("RELAPSE_FAKE_CLOCK", self.clock());
        }
        command.stdin(OwnedFd::from(listener)).stdout(output.try_clone().unwrap()).stderr(output);
        Service { child: command.spawn().unwrap(), address, client: self.path("client_ws.py") }
    }
}

/// A running service; ended with the test.
#[derive(Debug)]
pub(super) struct Service {
    child: Child,
    address: SocketAddr,
    client: PathBuf,
}

impl Service {
    /// Asks for a path and gives the status.
    pub(super) async fn get(&self, path: &str) -> u16 {
        reqwest::get(format!("http://{}{path}", self.address)).await.unwrap().status().as_u16()
    }

    /// An agent message over HTTP.
    pub(super) async fn message(&self) {
        let url = format!("http://{}/api/agents/message", self.address);
        assert_eq!(reqwest::Client::new().post(url).send().await.unwrap().status(), 200);
    }

    /// An agent message over a WebSocket, which the service ends.
    pub(super) async fn websocket(&self) {
        let (client, port) = (self.client.clone(), self.address.port().to_string());
        let output =
            tokio::task::spawn_blocking(move || Command::new(python()).arg(client).arg(port).output().unwrap()).await;
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// SIGTERM, and waits for the end.
    pub(super) async fn stop(mut self) {
        self.terminate();
        peers::eventually("the end of the service", || {
            let ended = self.child.try_wait().unwrap().map(drop);
            async move { ended }
        })
        .await;
    }

    fn terminate(&self) {
        let pid = self.child.id().to_string();
        // It may have ended by itself.
        let _ = Command::new("kill").args(["-TERM", &pid]).stderr(Stdio::null()).status();
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // gunicorn must end its workers itself; after two seconds it is not asked any more, and they notice that it is gone.
        if matches!(self.child.try_wait(), Ok(None)) {
            self.terminate();
        }
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
