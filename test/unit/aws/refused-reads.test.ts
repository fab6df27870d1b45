import { attempt, isRefusal, isRefused } from '../../../src/aws/refused-reads.js';

function answer(code: string, httpStatusCode: number, operation = 'GetRole'): Error {
  return Object.assign(new Error('no'), { name: code, Code: code, operation, $metadata: { httpStatusCode } });
}

function read(error: Error): Promise<unknown> {
  return attempt(() => Promise.reject(error), isRefusal);
}

test.each([
  ['AccessDenied', 403],
  ['ValidationError', 400],
  ['InvalidAction', 400],
  ['NotSupportedService', 400],
  ['UnknownOperation', 404],
])('%s is a refusal of that read', async (code, status) => {
  expect(isRefused(await read(answer(code, status)))).toBe(true);
});

test.each([
  ['RequestTimeout', 408],
  ['TooManyRequestsForNow', 429],
  ['OptInRequired', 403],
  ['MissingAuthenticationToken', 403],
  ['ExpiredToken', 403],
  ['Throttling', 400],
  ['ServiceFailure', 500],
])('%s may pass or concerns every read, and is thrown', async (code, status) => {
  await expect(read(answer(code, status))).rejects.toThrow('no');
});

test('a role that may not be assumed is no refusal of a read', async () => {
  await expect(read(answer('AccessDenied', 403, 'AssumeRole'))).rejects.toThrow('no');
});
