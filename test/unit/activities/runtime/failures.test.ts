import fc from 'fast-check';
import { awsError, failureTypeOf } from '../../../../src/aws/errors.js';
import { WrongAccountError } from '../../../../src/aws/guard.js';
import { PROPAGATION_WINDOW_MS } from '../../../../src/aws/propagation.js';
import { failure, OperationError, toFailure, withinTimeout } from '../../../../src/activities/runtime/failures.js';
import { ExitCode, FAILURES, gravestExitCode, isFailureType, isRetryable } from '../../../../src/contract/failures.js';
import type { FailureDetails, FailureType, RetryClass } from '../../../../src/contract/failures.js';

const TYPES = Object.keys(FAILURES) as FailureType[];

/** The expected rows. A new failure type without one does not compile. */
const ROWS: Readonly<Record<FailureType, readonly [RetryClass, ExitCode]>> = {
  Throttled: ['retry', ExitCode.Busy],
  ServiceUnavailable: ['retry', ExitCode.Busy],
  ForeignReply: ['retry', ExitCode.Busy],
  ConcurrentModification: ['retry', ExitCode.Busy],
  NotPropagated: ['until-propagated', ExitCode.Busy],
  InvalidPrincipal: ['until-propagated', ExitCode.Failed],
  AlreadyExists: ['conflict', ExitCode.Failed],
  InvalidManifest: ['never', ExitCode.Usage],
  InvalidInput: ['never', ExitCode.Failed],
  InUse: ['until-propagated', ExitCode.Failed],
  SecretStore: ['never', ExitCode.Failed],
  QuotaExceeded: ['never', ExitCode.Failed],
  AccessDenied: ['never', ExitCode.Failed],
  CredentialsInvalid: ['never', ExitCode.Failed],
  OrganizationAccess: ['never', ExitCode.Refused],
  WrongAccount: ['never', ExitCode.Refused],
  NotAllowed: ['never', 3],
  GuardrailsInvalid: ['retry', 4],
  IssuerUnavailable: ['retry', 4],
  Refused: ['never', ExitCode.Refused],
  NotConverged: ['never', ExitCode.Failed],
  RunFailed: ['never', ExitCode.Failed],
  RunRefused: ['never', ExitCode.Refused],
  TimedOut: ['never', ExitCode.Failed],
  Unexpected: ['retry', ExitCode.Failed],
};

/** A failure of the activity layer, as Temporal gets it. */
interface Shown {
  readonly type?: string;
  readonly nonRetryable?: boolean;
  readonly nextRetryDelay?: unknown;
  readonly category?: unknown;
  readonly message: string;
  readonly details?: readonly [FailureDetails?];
}

function shown(error: unknown, attempt = 1, elapsedMs = 0): Shown {
  return toFailure(error, { attempt, elapsedMs, calls: { CreateRole: attempt } });
}

function sdkError(code: string, status: number | undefined, message = 'what AWS says'): Error {
  const metadata = { ...(status === undefined ? {} : { httpStatusCode: status }), requestId: 'request-1' };
  return Object.assign(new Error(message), { name: `${code}Exception`, Code: code, $metadata: metadata });
}

test.each([
  ['CredentialsProviderError', 'Could not load credentials from any providers', /AWS_PROFILE.*doctor/],
  ['CredentialsProviderError', 'connect ECONNREFUSED 127.0.0.1:1', undefined],
  ['ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1', /AWS_ENDPOINT_URL/],
  ['ExpiredToken', 'expired', undefined],
])('a call that could not be sent says what the worker lacks: %s, %s', (code, message, says) => {
  const { details } = shown(new OperationError('GetUser', Object.assign(new Error(message), { name: code, code })));
  expect(details?.[0]?.remedy).toEqual(says === undefined ? undefined : expect.stringMatching(says));
});

describe('the table of failures', () => {
  test.each(Object.entries(ROWS))('%s: class and exit code are %j', (type, [retry, exitCode]) => {
    expect(isFailureType(type) && FAILURES[type]).toMatchObject({ retry, exitCode });
  });

  test('has a row for each type, and no other', () => {
    expect([...TYPES].sort()).toEqual(Object.keys(ROWS).sort());
  });

  test('lets a call be repeated in the class retry only', () => {
    const classes = TYPES.map((type) => FAILURES[type].retry).filter(isRetryable);
    expect(new Set(classes)).toEqual(new Set(['retry']));
  });

  test.each(TYPES)('has a remedy for %s, as a sentence without its full stop', (type) => {
    expect(FAILURES[type].remedy).toMatch(/^[^A-Z].{10,}[^.]$/s);
  });

  test.each(['', 'toString', '__proto__', 'Error', 'throttled', null, undefined])(
    'does not take %p for a type of failure',
    (type) => {
      expect(isFailureType(type)).toBe(false);
    },
  );

  test('never retries what a person has to fix', () => {
    const forPeople = TYPES.filter((type) => FAILURES[type].exitCode === ExitCode.Refused);
    expect(forPeople.map((type) => FAILURES[type].retry)).toEqual(forPeople.map(() => 'never'));
  });

  test('calls nothing busy that does not pass without a change', () => {
    const busy = TYPES.filter((type) => FAILURES[type].exitCode === ExitCode.Busy);
    expect(busy.map((type) => FAILURES[type].retry)).not.toContain('never');
  });
});

describe('the exit code of several results', () => {
  const codes = Object.values(ExitCode);

  test.each<[readonly ExitCode[], ExitCode]>([
    [[], ExitCode.Converged],
    [[ExitCode.Converged, ExitCode.Converged], ExitCode.Converged],
    [[ExitCode.Converged, ExitCode.Pending], ExitCode.Pending],
    [[ExitCode.Pending, ExitCode.Busy], ExitCode.Busy],
    [[ExitCode.Busy, ExitCode.Refused], ExitCode.Refused],
    [[ExitCode.Refused, ExitCode.Failed, ExitCode.Busy], ExitCode.Failed],
    [[ExitCode.Failed, ExitCode.Usage, ExitCode.Refused], ExitCode.Usage],
  ])('of %j is %i: the gravest wins', (all, gravest) => {
    expect(gravestExitCode(all)).toBe(gravest);
  });

  test('is one of them, in any order', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...codes), { minLength: 1 }), (all) => {
        expect(all).toContain(gravestExitCode(all));
        expect(gravestExitCode([...all].reverse())).toBe(gravestExitCode(all));
      }),
    );
  });

  test('does not improve with one more result', () => {
    const code = fc.constantFrom(...codes);
    fc.assert(
      fc.property(fc.array(code), code, (all, one) => {
        expect([one, gravestExitCode(all)]).toContain(gravestExitCode([...all, one]));
      }),
    );
  });
});

describe('an error on its way to Temporal', () => {
  test('names the operation, what AWS answered, and keeps the request ID and the calls', () => {
    const { type, message, details } = shown(new OperationError('CreateRole', sdkError('LimitExceeded', 409)), 3);
    expect(type).toBe('QuotaExceeded');
    expect(message).toBe('CreateRole answered LimitExceeded: what AWS says');
    expect(details?.[0]).toEqual({
      operation: 'CreateRole',
      code: 'LimitExceeded',
      requestId: 'request-1',
      calls: { CreateRole: 3 },
    });
  });

  test('is called a read where no operation is known', () => {
    expect(shown(sdkError('AccessDenied', 403)).message).toBe(
      'a read of the account answered AccessDenied: what AWS says',
    );
  });

  test.each(TYPES.filter((type) => FAILURES[type].retry === 'never'))('is not retried as %s', (type) => {
    expect(failure(type, 'no', {}).nonRetryable).toBe(true);
  });

  test.each<[string, number | undefined]>([
    ['Throttling', 400],
    ['ConcurrentModification', 409],
    ['EntityTemporarilyUnmodifiable', 409],
    ['ServiceFailure', 500],
    ['ECONNRESET', undefined],
  ])('is retried after %s, for 40 attempts', (code, status) => {
    const error = new OperationError('TagRole', sdkError(code, status));
    expect(shown(error, 1).nonRetryable).toBe(false);
    expect(shown(error, 39).nonRetryable).toBe(false);
    expect(shown(error, 40).nonRetryable).toBe(true);
  });

  test('is made a last time when the run may be without progress no longer, and is final then', () => {
    const error = new OperationError('TagRole', sdkError('ServiceFailure', 500));
    const after = (elapsedMs: number): Shown => {
      const failed = { attempt: 5, elapsedMs, calls: {} };
      return withinTimeout(toFailure(error, failed), failed, 60_000);
    };
    expect(after(50_000).nextRetryDelay).toBeUndefined();
    expect(after(57_000)).toMatchObject({ nonRetryable: false, nextRetryDelay: 3_000 });
    expect(after(60_000)).toMatchObject({ type: 'ServiceUnavailable', nonRetryable: true });
    expect(after(60_000).message).toContain('(no progress for 60 s)');
  });

  test('is benign and retried soon while IAM propagates, and final after the window', () => {
    const error = new OperationError('AttachRolePolicy', sdkError('NoSuchEntity', 404));
    const early = shown(error, 1, PROPAGATION_WINDOW_MS - 1);
    expect(early).toMatchObject({ type: 'NotPropagated', nonRetryable: false, category: 'BENIGN' });
    expect(early.nextRetryDelay).toBe(250);
    expect(early.message).toContain('(waiting for IAM, up to 1 s more)');
    const late = shown(error, 30, PROPAGATION_WINDOW_MS);
    expect(late).toMatchObject({ type: 'NotPropagated', nonRetryable: true });
    expect(late.message).toContain('(for 120 s)');
  });

  test('tells how long it waits for IAM and what is known, and makes its last attempt at the end of that time', () => {
    const refused = { Code: 'MalformedPolicyDocument', message: 'Invalid principal in policy: "AWS":"x"' };
    const wait = { windowMs: 20_000, why: 'it is in another account' };
    const error = new OperationError('CreateRole', refused, undefined, undefined, wait);
    const answer = 'CreateRole answered MalformedPolicyDocument: Invalid principal in policy: "AWS":"x"';
    expect(shown(error, 8, 18_500)).toMatchObject({
      type: 'InvalidPrincipal',
      nonRetryable: false,
      nextRetryDelay: 1_500,
      message: `${answer} (it is in another account; waiting for IAM, up to 2 s more)`,
    });
    expect(shown(error, 9, 20_000)).toMatchObject({
      nonRetryable: true,
      message: `${answer} (it is in another account; for 20 s)`,
    });
    const never = new OperationError('CreateRole', refused, undefined, undefined, { windowMs: 0, why: 'is an ID' });
    expect(shown(never, 1, 0)).toMatchObject({ nonRetryable: true, message: `${answer} (is an ID)` });
  });

  test('is a refusal where the account is another', () => {
    const target = { account: '111111111111', partition: 'aws' };
    const caller = { account: '222222222222', partition: 'aws', arn: 'arn:aws:iam::222222222222:user/x' };
    expect(shown(new WrongAccountError(target, caller))).toMatchObject({
      type: 'WrongAccount',
      nonRetryable: true,
      message: 'the credentials belong to account 222222222222 (aws), not to 111111111111 (aws)',
    });
  });

  test('is unchanged where it is a failure already, or a cancellation', () => {
    const made = failure('InvalidManifest', 'no such kind', {});
    expect(shown(made)).toBe(made);
    const cancelled = Object.assign(new Error('cancelled'), { name: 'CancelledFailure' });
    expect(shown(cancelled)).toBe(cancelled);
  });

  test.each([
    new TypeError('tags.constructor is not text'),
    new RangeError('too deep'),
    new ReferenceError('x is not defined'),
    new SyntaxError('unexpected end'),
    new OperationError('TagRole', new TypeError('input is undefined')),
  ])('is a bug, which is tried three times: %s', (error) => {
    expect([1, 2, 3].map((attempt) => shown(error, attempt).nonRetryable)).toEqual([false, false, true]);
    expect(shown(error)).toMatchObject({
      type: 'Unexpected',
      message: expect.stringMatching(/^this is a bug in iam-bootstrap: \w+Error: /) as string,
    });
    expect(FAILURES.Unexpected.remedy).toMatch(/report it .*issue tracker/);
  });

  test.each([
    Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL' }),
    Object.assign(new SyntaxError('unexpected end'), { operation: 'AssumeRole' }),
    new OperationError('GetResources', Object.assign(new SyntaxError('<'), { $metadata: { httpStatusCode: 200 } })),
  ])('of the system, or of a reply that cannot be read, is no bug: %s', (error) => {
    expect(shown(error).message).not.toMatch('bug');
    expect(shown(error, 3).nonRetryable).toBe(false);
  });

  test('thrown by our own code is not called a failure of the service', () => {
    const { type } = shown(new RangeError('refers to an entity that the request does not declare'));
    expect(type).toBe('Unexpected');
  });

  test('has a type that the table knows, whatever was thrown', () => {
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        expect(isFailureType(failureTypeOf(awsError(thrown)))).toBe(true);
        expect(isFailureType(shown(thrown).type)).toBe(true);
      }),
    );
  });
});
