import { isContinued } from '../../../src/workflows/continued.js';

const continuedFromExecutionRunId = '11111111-2222-4333-8444-555555555555';

test('a run goes on from another one where its workflow has continued as new, and nowhere else', () => {
  expect(isContinued({ continuedFromExecutionRunId, attempt: 1 })).toBe(true);
  expect(isContinued({ continuedFromExecutionRunId, attempt: 1, cronSchedule: '' })).toBe(true);
  expect(isContinued({ attempt: 1 })).toBe(false);
  // Both have the argument of the client, and a run before them.
  expect(isContinued({ continuedFromExecutionRunId, attempt: 2 })).toBe(false);
  expect(isContinued({ continuedFromExecutionRunId, attempt: 1, cronSchedule: '* * * * *' })).toBe(false);
});
