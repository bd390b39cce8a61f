//! What a command that judges works with: the sidecar's configuration file with flags and `RELAPSE_*` variables laid over it, and the
//! catalog that they name. `scan`, `explain` and `replay` take the same, so that they judge as the sidecar does.

use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use crate::catalog::load::Loaded;
use crate::cli::Exit;
use crate::cli::inputs;
use crate::cli::inputs::CatalogArgs;
use crate::cli::inputs::FormatArgs;
use crate::cli::inputs::ResourceArgs;
use crate::cli::manifest::ManifestArgs;
use crate::config::Config;
use crate::config::ConfigError;
use crate::decode::DecodeConfig;
use crate::incident::config::IncidentConfig;
use crate::model::record::Resource;

/// Catalog, resource and how to judge.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct SettingArgs {
    /// The sidecar's configuration file, for its catalog, resource, timers, release orders and manifests; flags win over it
    #[arg(long, value_name = "FILE", env = "RELAPSE_CONFIG", hide_env_values = true)]
    config: Option<PathBuf>,
    #[command(flatten)]
    pub(super) catalog: CatalogArgs,
    #[command(flatten)]
    resource: ResourceArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    manifest: ManifestArgs,
}

/// The same, read.
#[derive(Debug)]
pub(super) struct Setting {
    /// The catalog; never without signatures.
    pub(super) loaded: Loaded,
    /// The form of the logs, and the resource of records that name none.
    pub(super) decode: DecodeConfig,
    /// Timers, release orders and manifests.
    pub(super) judging: IncidentConfig,
    /// The file of declared deployments.
    pub(super) deploys: Option<PathBuf>,
}

impl SettingArgs {
    /// Reads what is named. `Err` is how to end: what is wrong has been printed.
    pub(super) fn read(self) -> anyhow::Result<Result<Setting, Exit>> {
        let Some(config) = config(self.config.as_deref())? else { return Ok(Err(Exit::Invalid)) };
        let paths = if self.catalog.catalog.is_empty() { config.catalog } else { self.catalog.catalog };
        let loaded = inputs::load_paths(&paths);
        if let Some(exit) = inputs::report(&loaded)? {
            return Ok(Err(exit));
        }
        let mut resource = Resource::from(self.resource);
        resource.fill_from(&config.resource.into());
        let mut judging = config.incident;
        judging.manifests = self.manifest.read_or(&judging.manifest)?;
        let decode = DecodeConfig { defaults: resource, ..DecodeConfig::default() };
        let decode = decode.with(self.format.over(config.format));
        Ok(Ok(Setting { loaded, decode, judging, deploys: config.deploys }))
    }
}

/// The configuration file, or the defaults without one. `None`: its mistakes have been printed.
pub(super) fn config(path: Option<&Path>) -> anyhow::Result<Option<Config>> {
    match path.map(Config::read).transpose() {
        Ok(config) => Ok(Some(config.unwrap_or_default())),
        Err(ConfigError::Invalid(invalid)) => {
            write!(anstream::stderr(), "{}", invalid.render(true))?;
            Ok(None)
        }
        Err(error @ ConfigError::Read { .. }) => Err(error.into()),
    }
}
