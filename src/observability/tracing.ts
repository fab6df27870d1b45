import { AsyncLocalStorage } from 'node:async_hooks';
import { context, diag, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import type { Attributes, Context, Span } from '@opentelemetry/api';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { AwsCall } from '../aws/calls.js';
import { traceParentOf } from '../contract/attribution.js';
import { entityId } from '../contract/entity.js';

/**
 * Records where an OpenTelemetry SDK is registered in the process, and does nothing elsewhere. An SDK turns down an API
 * that is newer than its own by a minor version: the one that we depend on must not be the newest.
 */
const tracer = trace.getTracer('iam-bootstrap');

/** The step that is under way. Of our own: whether `context` follows a promise is up to the SDK that is registered. */
const steps = new AsyncLocalStorage<Context>();

type Info = Parameters<ActivityInterceptorsFactory>[0]['info'];

/** What a span names of an activity's argument. Any client may have started the workflow: it may be anything. */
interface Argument {
  readonly intent?: unknown;
  readonly target?: { readonly account?: unknown } | null;
  readonly account?: unknown;
  readonly namespace?: unknown;
  readonly entity?: { readonly kind?: unknown; readonly name?: unknown } | null;
  readonly request?: Argument | null;
}

/**
 * Records each attempt of an activity as a span, in the trace of the run that it is for. Its name and Temporal's
 * attributes are as Temporal's own interceptors for OpenTelemetry have them.
 */
export const traceActivities: ActivityInterceptorsFactory = ({ info }) => ({
  inbound: {
    execute: async (input, next) => {
      const argument = (input.args[0] ?? {}) as Argument;
      const name = `RunActivity:${info.activityType}`;
      const parent = runAsParent(info, argument);
      const span = safely(() => tracer.startSpan(name, { attributes: attributesOf(info, argument) }, parent));
      if (span === undefined) return next(input);
      const step = trace.setSpan(parent, span);
      try {
        return await steps.run(step, () => context.with(step, () => next(input)));
      } catch (error) {
        safely(() => {
          fail(span, error);
        });
        throw error;
      } finally {
        safely(() => {
          span.end();
        });
      }
    },
  },
});

/** Records a call to AWS as a span of the step that makes it. Its input and output may hold a secret: it has neither. */
export function traceCall({ service, operation, code, requestId, httpStatus, durationMs }: AwsCall): void {
  const step = steps.getStore();
  if (step === undefined) return;
  const endTime = Date.now();
  const attributes: Attributes = {
    'rpc.system': 'aws-api',
    'rpc.service': service,
    'rpc.method': operation,
    ...(requestId === null ? {} : { 'aws.request_id': requestId }),
    ...(httpStatus === null ? {} : { 'http.response.status_code': httpStatus }),
    ...(code === null ? {} : { 'error.type': code }),
  };
  const options = { kind: SpanKind.CLIENT, startTime: endTime - durationMs, attributes };
  safely(() => {
    const span = tracer.startSpan(`${service}.${operation}`, options, step);
    if (code !== null) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endTime);
  });
}

/** The run as the parent of its steps, which no span is: they find each other by it, on whatever worker they run. */
function runAsParent({ workflowExecution }: Info, { intent }: Argument): Context {
  const parent =
    (typeof intent === 'string' ? traceParentOf(intent) : null) ?? traceParentOf(workflowExecution?.runId ?? '');
  if (parent === null) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, { ...parent, traceFlags: TraceFlags.SAMPLED, isRemote: true });
}

function attributesOf(info: Info, argument: Argument): Attributes {
  const { target, account, namespace, entity } = { ...argument.request, ...argument };
  const known: Record<string, unknown> = {
    temporalWorkflowId: info.workflowExecution?.workflowId,
    run_id: info.workflowExecution?.runId,
    temporalActivityId: info.activityId,
    'iam_bootstrap.attempt': info.attempt,
    'iam_bootstrap.namespace': namespace,
    'iam_bootstrap.entity':
      typeof entity?.kind === 'string' && typeof entity.name === 'string'
        ? entityId({ kind: entity.kind, name: entity.name })
        : undefined,
    'cloud.account.id': target?.account ?? account,
  };
  return Object.fromEntries(
    Object.entries(known).filter((one): one is [string, string | number] => /^(string|number)$/.test(typeof one[1])),
  );
}

function fail(span: Span, error: unknown): void {
  const failure = error instanceof ApplicationFailure ? error : undefined;
  const { name, message } = error instanceof Error ? error : { name: 'Error', message: String(error) };
  span.setAttribute('error.type', failure?.type ?? name);
  // To Temporal as well, what was to be expected and is tried again is no error.
  if (failure?.category === ApplicationFailureCategory.BENIGN) return;
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** Whatever an exporter throws, it is not the step that has failed, and what was written is written. */
function safely<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    diag.error('a span was not recorded', error);
    return undefined;
  }
}
