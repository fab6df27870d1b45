import { notCreatedBy } from '../../../../../src/client/capture/update/applied-entities.js';
import type { EntityReport, Report } from '../../../../../src/contract/report.js';
import { entityReport } from '../../../../support/entity-report.js';

const entity = (name: string, more: Partial<EntityReport>): EntityReport => ({
  ...entityReport({ kind: 'Role', name }),
  writes: [],
  ...more,
});
const failed = (name: string): EntityReport => entity(name, { decision: 'create', outcome: 'failed' });
const created = (name: string): EntityReport => entity(name, { decision: 'create', outcome: 'created' });
const of = (...entities: EntityReport[]): Pick<Report, 'entities'> => ({ entities });

it('the newest run that has an entity tells whether its create failed', () => {
  expect([...notCreatedBy([of(created('a'), failed('b')), of(failed('a'), created('b'))])]).toEqual(['Role/b']);
});

it('a create that failed in an earlier run counts, where later runs do not have the entity', () => {
  expect([...notCreatedBy([of(created('a')), of(), of(failed('b')), of(created('c'))])]).toEqual(['Role/b']);
});
