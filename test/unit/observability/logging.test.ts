import { ActivityFailure, ApplicationFailure, RetryState } from '@temporalio/common';
import {
  createLogger,
  describeError,
  logAwsCalls,
  logTemporalMessages,
  toSdkLogger,
} from '../../../src/observability/logging.js';

function logAt(level: string): {
  readonly log: ReturnType<typeof createLogger>;
  readonly lines: Record<string, unknown>[];
} {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
  };
  return { log: createLogger(level, { write }), lines };
}

const refusal = ApplicationFailure.nonRetryable('Role/deploy is owned by CloudFormation', 'Refused');

test('an error is logged with its name, type, message and cause', () => {
  const { log, lines } = logAt('info');
  const failure = new ActivityFailure(
    'Activity task failed',
    'planEntities',
    '1',
    RetryState.NON_RETRYABLE_FAILURE,
    'w',
    refusal,
  );
  toSdkLogger(log).warn('Workflow failed', { error: failure });
  expect(lines).toEqual([
    expect.objectContaining({
      msg: 'Workflow failed',
      error: {
        name: 'ActivityFailure',
        message: 'Activity task failed',
        cause: { name: 'ApplicationFailure', type: 'Refused', message: 'Role/deploy is owned by CloudFormation' },
      },
    }),
  ]);
});

test('only unexpected errors have a stack', () => {
  expect(describeError(refusal)).not.toHaveProperty('stack');
  expect(describeError(new TypeError('x is undefined'))).toHaveProperty('stack');
  expect(describeError(ApplicationFailure.create({ message: 'bug', type: 'Unexpected' }))).toHaveProperty('stack');
});

test.each([
  ['debug', 1],
  ['info', 0],
])('at level %s, %i lines tell of a call to AWS', (level, count) => {
  const { log, lines } = logAt(level);
  logAwsCalls(log)({
    service: 'IAM',
    operation: 'GetRole',
    code: null,
    requestId: 'r-1',
    httpStatus: 200,
    durationMs: 12.4,
  });
  expect(lines).toHaveLength(count);
  for (const line of lines) expect(line).toMatchObject({ operation: 'GetRole', code: 'OK', requestId: 'r-1', ms: 12 });
});

test('a message to Temporal is logged with its target and duration, and without its arguments', async () => {
  const { log, lines } = logAt('debug');
  const { query } = logTemporalMessages(log);
  const input = { queryType: 'progress', args: ['secret'], workflowExecution: { workflowId: 'w' }, headers: {} };
  await expect(query?.(input, () => Promise.resolve('reply'))).resolves.toBe('reply');
  await expect(query?.(input, () => Promise.reject(new TypeError('no')))).rejects.toThrow('no');
  expect(lines).toEqual([
    expect.objectContaining({
      message: 'query',
      name: 'progress',
      workflowId: 'w',
      code: 'OK',
      ms: expect.any(Number) as number,
    }),
    expect.objectContaining({ code: 'TypeError' }),
  ]);
  expect(JSON.stringify(lines)).not.toMatch(/secret|reply/);
});

test('the logger of the SDK passes on what the level lets through', () => {
  for (const [level, count] of [
    ['trace', 3],
    ['info', 2],
    ['error', 1],
    ['silent', 0],
  ] as const) {
    const { log, lines } = logAt(level);
    const sdk = toSdkLogger(log);
    sdk.debug('a');
    sdk.info('b');
    sdk.error('c');
    expect([level, lines.length]).toEqual([level, count]);
  }
});
