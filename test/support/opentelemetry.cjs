/** What a user requires in front of a worker: registers an OpenTelemetry SDK, which `OTEL_*` variables tell where to. */
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http');
const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');

const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
provider.register();
process.once('beforeExit', () => provider.shutdown());
