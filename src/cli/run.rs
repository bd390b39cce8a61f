//! `relapse run`: the sidecar. Flags and `RELAPSE_*` variables are laid over the configuration file.

use std::io::Write;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;

use crate::alert::config::SinkUrl;
use crate::alert::config::WebhookConfig;
use crate::app::build;
use crate::app::clock;
use crate::app::expand;
use crate::app::run;
use crate::app::run::RunError;
use crate::cli::Exit;
use crate::cli::chain;
use crate::cli::inputs;
use crate::cli::inputs::ResourceArgs;
use crate::cli::manifest::ManifestArgs;
use crate::cli::setting;
use crate::config::Config;
use crate::telemetry::subscriber;

pub(super) const AFTER_HELP: &str = "\
Examples:
  relapse run --logs '/var/log/app/*.log' --service api --environment prod
  relapse run --config relapse.yaml
  relapse run --otlp 127.0.0.1:4318
  journalctl -fu api -o cat | relapse run --logs - --alertmanager http://alertmanager:9093

A flag wins over its RELAPSE_* variable, and both over the configuration file, whose keys `relapse schema config` lists.
relapse's own log: RELAPSE_LOG=debug. Its spans: OTEL_EXPORTER_OTLP_ENDPOINT.";

/// Arguments of `relapse run`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Configuration file (YAML)
    #[arg(long, value_name = "FILE", env = "RELAPSE_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    /// Log files to follow, globs in quotes; `-`: standard input
    #[arg(long, value_name = "GLOB", env = "RELAPSE_LOGS", hide_env_values = true, num_args = 1..)]
    logs: Vec<String>,
    /// Take logs and traces over OTLP here: HTTP and gRPC on one port, usually 127.0.0.1:4318
    #[arg(long, value_name = "HOST:PORT", env = "RELAPSE_OTLP", hide_env_values = true)]
    otlp: Option<String>,
    /// Catalog files and directories; without them the embedded catalog
    #[arg(long, value_name = "PATH", env = "RELAPSE_CATALOG", hide_env_values = true, value_delimiter = ',', num_args = 1..)]
    catalog: Vec<PathBuf>,
    #[command(flatten)]
    resource: ResourceArgs,
    #[command(flatten)]
    manifest: ManifestArgs,
    /// Where metrics, health and API are served [default: 127.0.0.1:9464]
    #[arg(long, value_name = "HOST:PORT", env = "RELAPSE_LISTEN", hide_env_values = true)]
    listen: Option<String>,
    /// Allow --listen on an address that is not loopback
    #[arg(long, env = "RELAPSE_ALLOW_PUBLIC", hide_env_values = true, value_parser = BoolishValueParser::new())]
    allow_public: bool,
    /// Directory that keeps positions, incidents and owed alerts [default: `$STATE_DIRECTORY` or ./relapse-state]
    #[arg(long, value_name = "DIR", env = "RELAPSE_STATE", hide_env_values = true)]
    state: Option<PathBuf>,
    /// Watch a file of deployments, JSON lines with service, release, environment and at, that CI appends to
    #[arg(long, value_name = "FILE", env = "RELAPSE_DEPLOYS")]
    deploys: Option<PathBuf>,
    /// POST every notice as JSON to this URL
    #[arg(long, value_name = "URL", env = "RELAPSE_WEBHOOK", hide_env_values = true)]
    webhook: Option<SinkUrl>,
    /// Send alerts to this Alertmanager; name every member of a cluster
    #[arg(long, value_name = "URL", env = "RELAPSE_ALERTMANAGER", hide_env_values = true, value_delimiter = ',', num_args = 1..)]
    alertmanager: Vec<SinkUrl>,
}

/// Runs until a signal.
pub(super) fn run(args: Args) -> anyhow::Result<Exit> {
    let given = args.manifest.clone();
    let Some(config) = setting::config(args.config.as_deref())? else { return Ok(Exit::Invalid) };
    let mut config = overlay(config, args);
    config.incident.manifests = match given.read_or(&config.incident.manifest) {
        Ok(manifests) => manifests,
        Err(error) => return invalid(&*error),
    };
    // Before anything is created: a start that cannot work leaves nothing behind.
    if config.sources().is_empty() {
        return invalid(&RunError::NoLogs);
    }
    if let Err(error) = expand::check(&config.logs.include, &config.logs.exclude) {
        return invalid(&error);
    }
    let log = match subscriber::install(&config.tracing.clone().with_environment()) {
        Ok(log) => log,
        Err(error) => return invalid(&error),
    };
    let loaded = inputs::load_paths(&config.catalog);
    if let Some(exit) = inputs::report(&loaded)? {
        return Ok(exit);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let done = runtime.block_on(async { run::run(build::build(config, &loaded, clock::now)?).await });
    // A blocking read of standard input cannot be interrupted: it must not hold up the end.
    runtime.shutdown_background();
    drop(log);
    match done {
        Ok(()) => Ok(Exit::Ok),
        Err(error) if error.is_configuration() => invalid(&error),
        Err(error) => Err(error.into()),
    }
}

fn invalid(error: &dyn std::error::Error) -> anyhow::Result<Exit> {
    writeln!(anstream::stderr(), "error: {}", chain(error))?;
    Ok(Exit::Invalid)
}

/// Environment and flags (clap has merged those two) over the file.
fn overlay(mut config: Config, args: Args) -> Config {
    if !args.logs.is_empty() {
        config.logs.include = args.logs.iter().flat_map(|list| globs(list)).map(str::to_owned).collect();
    }
    if let Some(listen) = args.otlp {
        config.otlp.get_or_insert_default().listen = listen;
    }
    if !args.catalog.is_empty() {
        config.catalog = args.catalog;
    }
    let ResourceArgs { service, environment, release } = args.resource;
    config.resource.service = service.or(config.resource.service);
    config.resource.environment = environment.or(config.resource.environment);
    config.resource.release = release.or(config.resource.release);
    config.http.listen = args.listen.unwrap_or(config.http.listen);
    config.http.allow_public |= args.allow_public;
    config.deploys = args.deploys.or(config.deploys);
    config.state = args.state.or(config.state);
    if let Some(url) = args.webhook {
        config.alerts.webhooks = vec![WebhookConfig { url, bearer_token_file: None }];
    }
    if !args.alertmanager.is_empty() {
        config.alerts.alertmanager.urls = args.alertmanager;
    }
    config
}

/// The globs of a list (`RELAPSE_LOGS` has room for one value only): a comma parts them unless it stands in braces.
fn globs(list: &str) -> Vec<&str> {
    let (mut depth, mut start, mut found) = (0_u32, 0, Vec::new());
    for (at, byte) in list.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                found.push(list.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(list.get(start..).unwrap_or_default());
    found.retain(|glob| !glob.is_empty());
    found
}

#[cfg(test)]
mod tests {
    #[test]
    fn commas_part_globs_unless_in_braces() {
        assert_eq!(super::globs("/a/*.log,/b/{x,y}.log,-"), ["/a/*.log", "/b/{x,y}.log", "-"]);
        assert_eq!(super::globs(","), Vec::<&str>::new());
    }
}
