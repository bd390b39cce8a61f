// Sends what OpenTelemetry's JavaScript SDK makes of one raise, as JSON over HTTP: send.mjs URL WHAT, WHAT: log, span or both.
import { context, SpanStatusCode, trace } from '@opentelemetry/api';
import { SeverityNumber } from '@opentelemetry/api-logs';
import { OTLPLogExporter } from '@opentelemetry/exporter-logs-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';

const [url, what] = process.argv.slice(2);
const resource = resourceFromAttributes({
  'service.name': 'api',
  'service.version': '2.0.0',
  'service.instance.id': 'pod-2',
  'deployment.environment.name': 'prod',
});
const compression = 'gzip';
const logs = new LoggerProvider({
  resource,
  processors: [new SimpleLogRecordProcessor({ exporter: new OTLPLogExporter({ url: `${url}/v1/logs`, compression }) })],
});
const spans = new BasicTracerProvider({
  resource,
  spanProcessors: [new SimpleSpanProcessor(new OTLPTraceExporter({ url: `${url}/v1/traces` }))],
});
const span = spans.getTracer('shop').startSpan('checkout');
const error = new TypeError("UserContext.__init__() got an unexpected keyword argument 'websocket_id'");
if (what !== 'span') {
  logs.getLogger('shop').emit({
    severityNumber: SeverityNumber.ERROR,
    severityText: 'ERROR',
    body: 'checkout failed',
    attributes: { 'exception.type': error.name, 'exception.message': error.message, 'exception.stacktrace': error.stack },
    context: what === 'both' ? trace.setSpan(context.active(), span) : undefined,
  });
}
if (what !== 'log') {
  span.recordException(error);
  span.setStatus({ code: SpanStatusCode.ERROR, message: `TypeError: ${error.message}` });
}
span.end();
await logs.forceFlush();
await logs.shutdown();
await spans.shutdown();
