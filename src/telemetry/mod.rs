//! relapse's own signals: the metric table and registry, tracing, OpenTelemetry spans of the pipeline.
