import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { ReadableSpan, SpanProcessor } from '@opentelemetry/sdk-trace-node';
import { ApplicationFailure, ApplicationFailureCategory } from '@temporalio/common';
import type { ApplicationFailureOptions } from '@temporalio/common';
import fc from 'fast-check';
import type { AwsCall } from '../../../src/aws/calls.js';
import { traceParentOf } from '../../../src/contract/attribution.js';
import { traceActivities, traceCall } from '../../../src/observability/tracing.js';

const RUN_ID = '019ac0de-0000-7000-8000-0123456789ab';
const CALL: AwsCall = {
  service: 'IAM',
  operation: 'GetRole',
  code: null,
  requestId: 'e1f2',
  httpStatus: 200,
  durationMs: 12,
};

const exporter = new InMemorySpanExporter();
/** What a user's own span processor may throw, and where. */
let throwing: 'onStart' | 'onEnd' | undefined;

/** An SDK that is registered without a context manager: nothing is ever the active span. */
beforeAll(() => {
  const throwAt = (place: typeof throwing) => (): void => {
    if (place === throwing) throw new Error('the exporter is broken');
  };
  const done = (): Promise<void> => Promise.resolve();
  const broken: SpanProcessor = {
    onStart: throwAt('onStart'),
    onEnd: throwAt('onEnd'),
    forceFlush: done,
    shutdown: done,
  };
  trace.setGlobalTracerProvider(
    new BasicTracerProvider({ spanProcessors: [broken, new SimpleSpanProcessor(exporter)] }),
  );
});

beforeEach(() => {
  exporter.reset();
  throwing = undefined;
});

/** Runs an activity with an argument. */
async function execute(
  argument: unknown,
  work: () => Promise<unknown> = () => Promise.resolve('done'),
): Promise<unknown> {
  const workflowExecution = { workflowId: 'iam:111111111111:Role:deploy', runId: RUN_ID };
  const info = { activityType: 'createEntity', activityId: '1', attempt: 2, workflowExecution };
  const { inbound } = traceActivities({ info } as unknown as Parameters<typeof traceActivities>[0]);
  return inbound?.execute?.({ args: [argument], headers: {} }, work);
}

/** What an SDK makes of it. */
async function recorded(...run: Parameters<typeof execute>): Promise<ReadableSpan[]> {
  exporter.reset();
  await execute(...run).catch(() => undefined);
  return exporter.getFinishedSpans();
}

describe('the trace of a run', () => {
  test('is one that OpenTelemetry takes, and no other run has it', () => {
    const ids = new Map<string, string>();
    fc.assert(
      fc.property(fc.uuid(), (runId) => {
        const parent = traceParentOf(runId);
        expect(parent?.traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
        expect(parent?.spanId).toMatch(/^(?!0{16})[0-9a-f]{16}$/);
        expect(traceParentOf(runId)).toEqual(parent);
        expect(ids.get(parent?.traceId ?? '') ?? runId).toBe(runId);
        ids.set(parent?.traceId ?? '', runId);
      }),
    );
  });

  test('is its ID without hyphens', () => {
    expect(traceParentOf(RUN_ID)).toEqual({ traceId: '019ac0de0000700080000123456789ab', spanId: '80000123456789ab' });
  });

  test.each(['', 'run', `${RUN_ID}0`, RUN_ID.toUpperCase(), '00000000-0000-0000-0000-000000000000'])(
    'is none where "%s" is the ID',
    (runId) => {
      expect(traceParentOf(runId)).toBeNull();
    },
  );
});

describe('a step', () => {
  test('is in the trace of the run that it is for', async () => {
    const intent = '019ac0de-1111-7111-9111-111111111111';
    const [span] = await recorded({ intent });
    expect(span?.spanContext().traceId).toBe(intent.replaceAll('-', ''));
  });

  test.each([
    undefined,
    null,
    'text',
    {},
    { intent: 7 },
    { intent: 'none', entity: null, target: null, request: null },
  ])('is in the trace of its own run where the argument is %j', async (argument) => {
    const [span] = await recorded(argument);
    expect(span?.spanContext().traceId).toBe(RUN_ID.replaceAll('-', ''));
    expect(Object.keys(span?.attributes ?? {}).sort()).toEqual([
      'iam_bootstrap.attempt',
      'run_id',
      'temporalActivityId',
      'temporalWorkflowId',
    ]);
  });

  test('has its calls below it without a context manager of the SDK, one beside the other', async () => {
    const calling = async (operation: string): Promise<void> => {
      await Promise.resolve();
      traceCall({ ...CALL, operation });
    };
    const spans = await recorded({}, () => Promise.all([calling('GetRole'), calling('ListRoleTags')]));
    const step = spans.at(-1);
    expect(spans.map(({ name }) => name)).toEqual(['IAM.GetRole', 'IAM.ListRoleTags', 'RunActivity:createEntity']);
    for (const span of spans.slice(0, -1)) expect(span.parentSpanContext?.spanId).toBe(step?.spanContext().spanId);
  });

  test('is no error where what failed is to be expected, as Temporal has it', async () => {
    const failing = (more: ApplicationFailureOptions) => () =>
      Promise.reject(ApplicationFailure.create({ message: 'not yet', type: 'NotPropagated', ...more }));
    const [benign] = await recorded({}, failing({ category: ApplicationFailureCategory.BENIGN }));
    const [other] = await recorded({}, failing({}));
    expect(benign?.attributes['error.type']).toBe('NotPropagated');
    expect([benign?.status.code, other?.status.code]).toEqual([0, 2]);
  });

  test.each(['onStart', 'onEnd'] as const)('ends as it does where the SDK throws in %s', async (place) => {
    throwing = place;
    const work = (): Promise<string> => {
      traceCall(CALL);
      return Promise.resolve('done');
    };
    await expect(execute({}, work)).resolves.toBe('done');
    await expect(execute({}, () => Promise.reject(new Error('its own')))).rejects.toThrow('its own');
    expect(exporter.getFinishedSpans()).toEqual([]);
  });
});

test('a call outside of a step is not recorded', () => {
  traceCall(CALL);
  expect(exporter.getFinishedSpans()).toEqual([]);
});
