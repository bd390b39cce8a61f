//! OpenTelemetry spans of relapse's own pipeline (feature `self-trace`).
//!
//! Receives an OTLP/HTTP URL; gives a layer that turns relapse's `tracing` spans into OpenTelemetry's and exports them in batches from a
//! thread of its own. Without the feature it only says that it is missing.
//!
//! Make pipeline spans with `tracing::debug_span!`: the layer takes them, and without the layer the default log filter switches them off at
//! their call site, where they cost one comparison.

#[cfg(feature = "self-trace")]
pub use on::{SelfTrace, SelfTraceError};

#[cfg(not(feature = "self-trace"))]
pub use off::{SelfTrace, SelfTraceError};

#[cfg(feature = "self-trace")]
mod on {
    use std::time::Duration;

    use opentelemetry::KeyValue;
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_otlp::ExporterBuildError;
    use opentelemetry_otlp::Protocol;
    use opentelemetry_otlp::SpanExporter;
    use opentelemetry_otlp::WithExportConfig as _;
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::Level;
    use tracing::Metadata;
    use tracing::Subscriber;
    use tracing::level_filters::LevelFilter;
    use tracing_subscriber::Layer;
    use tracing_subscriber::filter::filter_fn;
    use tracing_subscriber::registry::LookupSpan;

    /// `service.name` of relapse itself when `OTEL_SERVICE_NAME` says nothing.
    const SERVICE_NAME: &str = "relapse";
    /// How long the end of the process may wait for the last batch.
    const FLUSH: Duration = Duration::from_secs(3);

    /// Why the exporter could not be built.
    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    pub struct SelfTraceError(#[from] ExporterBuildError);

    /// The running exporter; dropping it flushes.
    #[derive(Debug)]
    pub struct SelfTrace {
        provider: SdkTracerProvider,
    }

    impl SelfTrace {
        /// Starts exporting to `endpoint` (a full URL).
        pub fn start(endpoint: &str) -> Result<Self, SelfTraceError> {
            let exporter = SpanExporter::builder()
                .with_http()
                .with_protocol(Protocol::HttpBinary)
                .with_endpoint(endpoint)
                .build()?;
            let provider = SdkTracerProvider::builder().with_resource(resource()).with_batch_exporter(exporter).build();
            Ok(Self { provider })
        }

        /// The layer that feeds it: relapse's own spans (debug and above) and what is logged in them (info and above). The exporter's HTTP
        /// client makes spans too.
        pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
        where
            S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
        {
            let tracer = self.provider.tracer(SERVICE_NAME);
            tracing_opentelemetry::layer()
                .with_tracer(tracer)
                .with_filter(filter_fn(is_ours).with_max_level_hint(LevelFilter::DEBUG))
        }
    }

    impl Drop for SelfTrace {
        fn drop(&mut self) {
            // The process is ending and spans are a courtesy: there is nobody left to tell.
            let _ = self.provider.shutdown_with_timeout(FLUSH);
        }
    }

    fn is_ours(what: &Metadata<'_>) -> bool {
        let finest = if what.is_span() { Level::DEBUG } else { Level::INFO };
        what.target().split("::").next() == Some("relapse") && *what.level() <= finest
    }

    fn resource() -> Resource {
        let detected =
            || Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        let resource = detected().build();
        let named = resource
            .get(&opentelemetry::Key::from_static_str("service.name"))
            .is_some_and(|name| !name.as_str().starts_with("unknown_service"));
        if named { resource } else { detected().with_service_name(SERVICE_NAME).build() }
    }
}

#[cfg(not(feature = "self-trace"))]
mod off {
    use tracing_subscriber::layer::Identity;

    /// Why there are no spans.
    #[derive(Debug, thiserror::Error)]
    #[error("this relapse was built without the feature `self-trace`")]
    pub struct SelfTraceError;

    /// Never exists in this build.
    #[derive(Debug)]
    pub enum SelfTrace {}

    impl SelfTrace {
        /// Always refuses.
        pub fn start(_endpoint: &str) -> Result<Self, SelfTraceError> {
            Err(SelfTraceError)
        }

        /// Never called.
        pub fn layer(&self) -> Identity {
            match *self {}
        }
    }
}
