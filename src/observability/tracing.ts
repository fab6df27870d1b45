import { AsyncLocalStorage } from 'node:async_hooks';
import { context, diag, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api';
import type { Attributes, Context, Span } from '@opentelemetry/api';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ActivityInterceptorsFactory } from '@temporalio/worker';
import type { AwsCall } from '../aws/calls.js';
import { traceParentOf } from '../contract/attribution.js';
import { entityId } from '../contract/entity.js';

/**
 * A tracer that records if the process has registered an OpenTelemetry SDK. An SDK rejects an API that is newer than its
 * own by a minor version, so this package must not depend on the newest API.
 */
const tracer = trace.getTracer('iam-bootstrap');

/** The context of the current activity. OpenTelemetry's own context follows promises only with some SDKs. */
const activityContexts = new AsyncLocalStorage<Context>();

type Info = Parameters<ActivityInterceptorsFactory>[0]['info'];

/** The parts of an activity's argument that a span records. Any client can start a workflow, so all are unknown. */
interface Argument {
  readonly intent?: unknown;
  readonly target?: { readonly account?: unknown } | null;
  readonly account?: unknown;
  readonly namespace?: unknown;
  readonly entity?: { readonly kind?: unknown; readonly name?: unknown } | null;
  readonly request?: Argument | null;
}

/**
 * Records each attempt of an activity as a span in the trace of its run. Name and attributes match Temporal's own
 * OpenTelemetry interceptors.
 */
export const traceActivities: ActivityInterceptorsFactory = ({ info }) => ({
  inbound: {
    execute: async (input, next) => {
      const argument = (input.args[0] ?? {}) as Argument;
      const name = `RunActivity:${info.activityType}`;
      const parent = runAsParent(info, argument);
      const span = safely(() => tracer.startSpan(name, { attributes: attributesOf(info, argument) }, parent));
      if (span === undefined) return next(input);
      const activity = trace.setSpan(parent, span);
      try {
        return await activityContexts.run(activity, () => context.with(activity, () => next(input)));
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

/** Records a call to AWS as a span of its activity, without input and output, which may contain secrets. */
export function traceCall({ service, operation, code, requestId, httpStatus, durationMs }: AwsCall): void {
  const activity = activityContexts.getStore();
  if (activity === undefined) return;
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
    const span = tracer.startSpan(`${service}.${operation}`, options, activity);
    if (code !== null) span.setStatus({ code: SpanStatusCode.ERROR });
    span.end(endTime);
  });
}

/** Returns the run as the parent context. All activities of a run share it, on every worker. */
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
  // Temporal does not treat an expected failure that is retried as an error either.
  if (failure?.category === ApplicationFailureCategory.BENIGN) return;
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}

/** Runs tracing code. An exporter that throws must not fail the activity. */
function safely<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    diag.error('a span was not recorded', error);
    return undefined;
  }
}
