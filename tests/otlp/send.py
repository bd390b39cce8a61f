"""Sends what OpenTelemetry's Python SDK makes of one raise: send.py PROTOCOL URL WHAT [COUNT].

PROTOCOL: grpc, http or http-plain (not compressed). WHAT: log, span or both. COUNT logs of failures that carry numbers instead of one
raise, for WHAT = numbered. Ends with the status of the last flush.
"""

import logging
import sys

from opentelemetry import trace
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor

protocol, url, what = sys.argv[1:4]
if protocol == "grpc":
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    options = {"insecure": True, "compression": Compression.Gzip}
    logs, spans = {"endpoint": url, **options}, {"endpoint": url, **options}
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    compression = Compression.NoCompression if protocol == "http-plain" else Compression.Gzip
    logs = {"endpoint": url + "/v1/logs", "compression": compression}
    spans = {"endpoint": url + "/v1/traces", "compression": compression}

resource = Resource.create(
    {
        "service.name": "api",
        "service.version": "2.0.0",
        "service.instance.id": "pod-1",
        "deployment.environment.name": "prod",
    }
)
log_provider = LoggerProvider(resource=resource)
log_provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**logs)))
span_provider = TracerProvider(resource=resource)
span_provider.add_span_processor(SimpleSpanProcessor(OTLPSpanExporter(**spans)))
tracer = span_provider.get_tracer("shop.checkout")
logger = logging.getLogger("shop.checkout")
logger.addHandler(LoggingHandler(logger_provider=log_provider))
logger.setLevel(logging.INFO)


def create(**arguments):
    raise TypeError("UserContext.__init__() got an unexpected keyword argument 'websocket_id'")


if what == "numbered":
    for number in range(int(sys.argv[4])):
        logger.error("numbered failure %d", number)
elif what == "log":
    try:
        create()
    except TypeError:
        logger.exception("checkout failed")
else:
    with tracer.start_as_current_span("checkout") as span:
        try:
            create()
        except TypeError as error:
            if what == "both":
                logger.exception("checkout failed")
            span.record_exception(error)
            span.set_status(trace.Status(trace.StatusCode.ERROR, f"TypeError: {error}"))

sent = log_provider.force_flush()
log_provider.shutdown()
span_provider.shutdown()
sys.exit(0 if sent is not False else 1)
