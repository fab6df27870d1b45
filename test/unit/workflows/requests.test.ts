import { assertCaptureRequest, assertScheduledRun } from '../../../src/workflows/requests.js';
import { requestOf } from '../../support/planned.js';

const SCHEDULE = 'iam-bootstrap-schedule:one';
const RUN = { version: 1, schedule: SCHEDULE, command: 'enforce', request: { ...requestOf([]), key: SCHEDULE } };

test('a scheduled run has the key of its schedule, and undoes no newer revisions', () => {
  const refusalOf = (more: object): (() => void) => {
    const argument = { ...RUN, request: { ...RUN.request, ...more } };
    return () => {
      assertScheduledRun(argument);
    };
  };
  expect(refusalOf({})).not.toThrow();
  expect(refusalOf({ allowOlder: true })).toThrow('make the schedule again with `iam-bootstrap schedule create`');
  expect(refusalOf({ key: 'job' })).toThrow("the request's key is not the ID of its schedule");
});

test('the filter of a capture has a limited size, since it is compared with each entity of the account', () => {
  const filter = { namespace: 'ci', kinds: [], names: [], path: null, tags: {}, owner: null };
  const refusalOf = (more: object): (() => void) => {
    const request = { target: { account: '111111111111', partition: 'aws' }, captureId: 'one', filter, after: null };
    return () => {
      assertCaptureRequest({ ...request, ...more });
    };
  };
  const tags = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`t${String(index)}`, null]));
  expect(refusalOf({ filter: { ...filter, tags: { ['k'.repeat(128)]: 'v'.repeat(256) } } })).not.toThrow();
  expect(refusalOf({ filter: { ...filter, names: Array(101).fill('*') } })).toThrow('a list of at most 100');
  expect(refusalOf({ filter: { ...filter, names: ['*'.repeat(257)] } })).toThrow('at most 256 characters');
  expect(refusalOf({ filter: { ...filter, kinds: Array(101).fill('Role') } })).toThrow('a list of at most 100');
  expect(refusalOf({ filter: { ...filter, path: '/'.repeat(513) } })).toThrow('at most 512 characters');
  expect(refusalOf({ filter: { ...filter, tags } })).toThrow('at most 50 short names');
  expect(refusalOf({ captureId: 'x'.repeat(101) })).toThrow('at most 100 characters');
});
