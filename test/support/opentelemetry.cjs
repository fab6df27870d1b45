/** Registers an OpenTelemetry SDK, as a user does with --require. `OTEL_*` variables configure it. */
const { OTLPTraceExporter } = require('@opentelemetry/exporter-trace-otlp-http');
const { BatchSpanProcessor, NodeTracerProvider } = require('@opentelemetry/sdk-trace-node');

const provider = new NodeTracerProvider({ spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())] });
provider.register();
process.once('beforeExit', () => provider.shutdown());
