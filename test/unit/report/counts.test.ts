import { counted, countsOf, joinFirst } from '../../../src/report/text.js';
import type { Report } from '../../../src/contract/report.js';

function report(command: Report['command'], entities: readonly object[], conflicts = 0): Report {
  return { command, entities, summary: { conflicts } } as unknown as Report;
}

test('a count has its noun in the right number', () => {
  expect([counted(1, 'entity', 'entities'), counted(2, 'entity', 'entities'), counted(0, 'write')]).toEqual([
    '1 entity',
    '2 entities',
    '0 writes',
  ]);
});

test('a long list is cut short, and says by how much', () => {
  expect([joinFirst(['a', 'b'], 2), joinFirst(['a', 'b', 'c', 'd'], 2)]).toEqual(['a, b', 'a, b and 2 more']);
});

test('a run counts outcomes and conflicts; a plan counts what it would do', () => {
  const entities = [
    { decision: 'create', outcome: 'created' },
    { decision: 'create', outcome: 'created' },
    { decision: 'refuse', outcome: 'refused' },
  ];
  expect(countsOf(report('apply', entities, 1))).toBe('2 created, 1 refused, 1 conflict');
  const planned = [
    { decision: 'create', outcome: 'pending' },
    { decision: 'no-op', outcome: 'unchanged' },
    { decision: 'refuse', outcome: 'refused' },
  ];
  expect(countsOf(report('plan', planned))).toBe('1 to create, 1 unchanged, 1 refused');
  expect(countsOf(report('apply', []))).toBe('nothing was read');
});
