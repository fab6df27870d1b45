import { assertScheduledRun } from '../../../src/workflows/requests.js';
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
