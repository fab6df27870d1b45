import { configErrorOf } from '../../../src/temporal/errors.js';

test.each([
  [{ message: 'Failed', cause: { code: 5, details: 'Namespace none is not found.' } }],
  [{ message: "Namespace not found: 'none'" }],
  [{ message: 'Status { message: "Namespace none is not found.", details: b"Namespace none is not found." }' }],
])('an unknown namespace is a mistake in the settings, in the words of client and worker: %j', (error) => {
  expect(configErrorOf(error)?.message).toBe('the Temporal server has no namespace none');
});

test.each([7, 16])('so are credentials that the server refuses, with its words (status %i)', (code) => {
  const error = configErrorOf({ message: 'Failed', cause: { code, details: 'key expired' } });
  expect(error).toMatchObject({ exitCode: 64, message: 'the Temporal server refuses these credentials: key expired' });
});

test('an outage is not', () => {
  expect(configErrorOf({ message: 'Failed', cause: { code: 14, details: 'no connection' } })).toBeUndefined();
  expect(configErrorOf(new Error('any'))).toBeUndefined();
});
