import * as iam from '@aws-sdk/client-iam';
import fc from 'fast-check';
import { awsError, FAILURE_TYPES, failureTypeOf, isEntityAlreadyExists } from '../../../src/aws/errors.js';
import type { AwsError } from '../../../src/aws/errors.js';
import type { FailureType } from '../../../src/contract/failures.js';

/** An error as IAM answers it: the code is AWS's, the name is the SDK's where it knows the error. */
function answered(status: number, code: string, message = 'what AWS says', name = `${code}Exception`): AwsError {
  const $metadata = { httpStatusCode: status, requestId: 'request-1', attempts: 1 };
  return awsError(Object.assign(new Error(message), { name, Code: code, $metadata }));
}

/** An error of the way to AWS: no status, since no answer came. */
function lost(name: string, code?: string): AwsError {
  return awsError(Object.assign(new Error('lost'), { name, ...(code && { code }), $metadata: { attempts: 1 } }));
}

describe('what AWS answered', () => {
  test('is read from an error of the SDK: the wire code, the request ID, the status', () => {
    const error = new iam.EntityAlreadyExistsException({
      message: 'Role with name x already exists.',
      $metadata: { httpStatusCode: 409, requestId: 'request-1' },
    });
    expect(awsError(error)).toEqual({
      code: 'EntityAlreadyExists',
      message: 'Role with name x already exists.',
      operation: null,
      requestId: 'request-1',
      httpStatus: 409,
      unclear: false,
    });
  });

  test("is AWS's word where the SDK's differs: ServiceNotSupportedException is NotSupportedService", () => {
    const error = Object.assign(
      new iam.ServiceNotSupportedException({ message: 'no', $metadata: { httpStatusCode: 404 } }),
      { Code: 'NotSupportedService' },
    );
    expect(awsError(error).code).toBe('NotSupportedService');
  });

  test("is the name without its suffix where AWS's word is missing", () => {
    expect(awsError({ name: 'NoSuchEntityException', message: 'gone' }).code).toBe('NoSuchEntity');
    expect(awsError({ name: 'NoSuchEntityException', Code: '', message: 'gone' }).code).toBe('NoSuchEntity');
  });

  test.each([undefined, null, 'text', 7, {}, { name: 3 }, new Error('')])('can be read from %p too', (thrown) => {
    const { code, message, requestId } = awsError(thrown);
    expect(code).not.toBe('');
    expect(typeof message).toBe('string');
    expect(requestId).toBeNull();
  });

  test('is always whole, whatever was thrown', () => {
    fc.assert(
      fc.property(fc.anything(), (thrown) => {
        const error = awsError(thrown);
        expect(error.code).not.toBe('');
        expect(error.code).not.toMatch(/Exception$/);
        expect(typeof error.unclear).toBe('boolean');
      }),
    );
  });
});

describe('every error that the SDK knows', () => {
  const known = Object.entries(iam).filter(
    ([name, value]) => name.endsWith('Exception') && name !== 'IAMServiceException' && typeof value === 'function',
  );

  test.each(known.map(([name]) => name))('%s gives one code, with its suffix or without', (name) => {
    const wire = name.replace(/Exception$/, '');
    expect(answered(400, wire, 'no', name).code).toBe(wire);
    expect(awsError({ name, message: 'no', $metadata: { httpStatusCode: 400 } }).code).toBe(wire);
  });

  test('is classified by code and never by status: a status of its own changes nothing', () => {
    const code = fc.constantFrom(...known.map(([name]) => name.replace(/Exception$/, '')));
    const status = fc.constantFrom(400, 403, 404, 409);
    fc.assert(
      fc.property(code, status, status, (word, one, another) => {
        expect(failureTypeOf(answered(one, word))).toBe(failureTypeOf(answered(another, word)));
      }),
    );
  });
});

describe('the class of an error', () => {
  test.each<[FailureType, number, string, string]>([
    // Ten of IAM's codes are 409.
    ['AlreadyExists', 409, 'EntityAlreadyExists', 'what AWS says'],
    ['AlreadyExists', 409, 'DuplicateCertificate', 'what AWS says'],
    ['ConcurrentModification', 409, 'ConcurrentModification', 'what AWS says'],
    ['ConcurrentModification', 409, 'EntityTemporarilyUnmodifiable', 'what AWS says'],
    ['QuotaExceeded', 409, 'LimitExceeded', 'Cannot exceed quota for PoliciesPerRole: 10'],
    ['InUse', 409, 'DeleteConflict', 'Cannot delete a policy attached to entities.'],
    ['InvalidInput', 409, 'NameConflict', 'what AWS says'],
    ['InvalidInput', 409, 'RoleModified', 'what AWS says'],
    ['InvalidInput', 409, 'FeatureEnabled', 'what AWS says'],
    ['InvalidInput', 409, 'ReportGenerationLimitExceeded', 'what AWS says'],
    // 404
    ['NotPropagated', 404, 'NoSuchEntity', 'what AWS says'],
    ['InvalidInput', 404, 'NotSupportedService', 'what AWS says'],
    // 400
    ['AlreadyExists', 400, 'DuplicateSSHPublicKey', 'what AWS says'],
    ['InvalidInput', 400, 'InvalidInput', 'what AWS says'],
    ['InvalidInput', 400, 'MalformedPolicyDocument', 'Syntax errors in policy.'],
    ['InvalidPrincipal', 400, 'MalformedPolicyDocument', 'Invalid principal in policy: "AWS":"arn:aws:iam::1:role/x"'],
    ['InvalidInput', 400, 'PasswordPolicyViolation', 'what AWS says'],
    ['InvalidInput', 400, 'PolicyNotAttachable', 'what AWS says'],
    ['InvalidInput', 400, 'UnmodifiableEntity', 'what AWS says'],
    ['InvalidInput', 400, 'OpenIdIdpCommunicationError', 'what AWS says'],
    ['InvalidInput', 400, 'ValidationError', 'what AWS says'],
    ['Throttled', 400, 'Throttling', 'Rate exceeded'],
    ['Throttled', 400, 'ThrottlingException', 'Rate exceeded'],
    ['Throttled', 429, 'TooManyRequests', 'what AWS says'],
    ['Throttled', 503, 'RequestLimitExceeded', 'what AWS says'],
    ['Throttled', 503, 'SlowDown', 'what AWS says'],
    ['Throttled', 400, 'ThrottledException', 'what AWS says'],
    ['Throttled', 429, 'SomethingNew', 'what AWS says'],
    // A common error of all services: the call may have been executed.
    ['ServiceUnavailable', 408, 'RequestTimeoutException', 'what AWS says'],
    ['ServiceUnavailable', 400, 'RequestAbortedException', 'what AWS says'],
    ['ServiceUnavailable', 408, 'SomethingNew', 'what AWS says'],
    ['AccessDenied', 400, 'NotAuthorized', 'what AWS says'],
    // 403
    ['AccessDenied', 403, 'AccessDenied', 'User: x is not authorized to perform: iam:CreateRole'],
    ['CredentialsInvalid', 403, 'ExpiredToken', 'what AWS says'],
    ['CredentialsInvalid', 403, 'InvalidClientTokenId', 'what AWS says'],
    ['CredentialsInvalid', 403, 'SignatureDoesNotMatch', 'what AWS says'],
    ['CredentialsInvalid', 403, 'UnrecognizedClientException', 'what AWS says'],
    ['NotPropagated', 403, 'InvalidAuthenticationCode', 'what AWS says'],
    // 5xx
    ['ServiceUnavailable', 500, 'ServiceFailure', 'what AWS says'],
    ['ServiceUnavailable', 500, 'InternalFailure', 'what AWS says'],
    ['ServiceUnavailable', 503, 'ServiceUnavailable', 'what AWS says'],
    ['ServiceUnavailable', 502, 'BadGateway', 'what AWS says'],
    // What nobody has seen yet
    ['InvalidInput', 400, 'SomethingNew', 'what AWS says'],
    ['ServiceUnavailable', 599, 'SomethingNew', 'what AWS says'],
    ['Unexpected', 302, 'Redirect', 'what AWS says'],
  ])('is %s for %i %s', (type, status, code, message) => {
    expect(failureTypeOf(answered(status, code, message))).toBe(type);
  });

  test.each(Object.entries(FAILURE_TYPES))('of %s is %s, with the suffix of the SDK or without', (code, type) => {
    const $metadata = { httpStatusCode: 400 };
    for (const name of [code, `${code}Exception`]) {
      expect(failureTypeOf(awsError({ name, Code: name, message: 'no', $metadata }))).toBe(type);
    }
  });

  test.each<[FailureType, string, string | undefined]>([
    ['ServiceUnavailable', 'TimeoutError', 'ECONNRESET'],
    ['ServiceUnavailable', 'TimeoutError', undefined],
    ['ServiceUnavailable', 'Error', 'EPIPE'],
    ['ServiceUnavailable', 'Error', 'ECONNREFUSED'],
    ['ServiceUnavailable', 'Error', 'ENOTFOUND'],
    ['ServiceUnavailable', 'Error', 'EAI_AGAIN'],
    ['ServiceUnavailable', 'AbortError', undefined],
    ['CredentialsInvalid', 'CredentialsProviderError', undefined],
    ['Unexpected', 'TypeError', undefined],
    ['Unexpected', 'RangeError', undefined],
  ])('is %s for %s %s without an answer', (type, name, code) => {
    expect(failureTypeOf(lost(name, code))).toBe(type);
  });

  test('of an invalid principal is not malformed for good: the replica does not know the role yet', () => {
    expect(failureTypeOf(answered(400, 'InvalidInput', 'Invalid principal in policy'))).toBe('InvalidInput');
    expect(failureTypeOf(answered(400, 'MalformedPolicyDocument', 'Invalid principal in policy'))).toBe(
      'InvalidPrincipal',
    );
  });

  test.each(['toString', 'constructor', '__proto__', 'hasOwnProperty'])('is found for the code %s too', (code) => {
    expect(failureTypeOf(answered(400, code))).toBe('InvalidInput');
  });
});

describe('whether a call may have been carried out', () => {
  test.each<[number, string]>([
    [400, 'Throttling'],
    [400, 'InvalidInput'],
    [403, 'AccessDenied'],
    [404, 'NoSuchEntity'],
    [409, 'EntityAlreadyExists'],
  ])('is clear after %i %s: it was not', (status, code) => {
    expect(answered(status, code).unclear).toBe(false);
  });

  test.each<[number, string]>([
    [500, 'ServiceFailure'],
    [502, 'BadGateway'],
    [503, 'ServiceUnavailable'],
    [504, 'GatewayTimeout'],
    [408, 'RequestTimeoutException'],
    [408, 'SomethingNew'],
    [400, 'RequestTimeout'],
    [400, 'RequestAbortedException'],
  ])('is unclear after %i %s', (status, code) => {
    expect(answered(status, code).unclear).toBe(true);
  });

  test('is unclear after a reply that says it is done and cannot be read', () => {
    const cut = Object.assign(new Error('aborted'), {
      name: 'Error',
      code: 'ECONNRESET',
      $metadata: { httpStatusCode: 200 },
    });
    expect(awsError(cut)).toMatchObject({ code: 'ECONNRESET', message: 'the reply cannot be read', unclear: true });
    expect(failureTypeOf(awsError(cut))).toBe('ServiceUnavailable');
  });

  test.each([200, 404, 409])(
    'is unclear after an unreadable reply with status %i, and quotes nothing of that reply',
    (status) => {
      const cut = Object.assign(new SyntaxError('"{"Secret"... is not valid JSON'), {
        $metadata: { httpStatusCode: status },
      });
      expect(awsError(cut)).toMatchObject({
        code: 'UnreadableReply',
        message: 'the reply cannot be read',
        unclear: true,
      });
      expect(failureTypeOf(awsError(cut))).toBe('ServiceUnavailable');
    },
  );

  test.each(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'ERR_STREAM_PREMATURE_CLOSE'])('is unclear after %s', (code) => {
    expect(lost('TimeoutError', code).unclear).toBe(true);
  });

  test.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])('is clear after %s: nothing was sent', (code) => {
    expect(lost('Error', code).unclear).toBe(false);
  });

  test('is clear where there were no credentials to sign with', () => {
    expect(lost('CredentialsProviderError').unclear).toBe(false);
  });
});

describe('"already exists"', () => {
  test('is EntityAlreadyExists, and none of the nine other errors that are 409', () => {
    const codes = [
      'EntityAlreadyExists',
      'ConcurrentModification',
      'DeleteConflict',
      'EntityTemporarilyUnmodifiable',
      'LimitExceeded',
      'NameConflict',
      'RoleModified',
      'DuplicateCertificate',
      'FeatureEnabled',
      'ReportGenerationLimitExceeded',
    ];
    expect(codes.filter((code) => isEntityAlreadyExists(answered(409, code)))).toEqual(['EntityAlreadyExists']);
  });
});
