import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../src/contract/entity.js';
import type { EntityReport } from '../../src/contract/report.js';
import { findKind } from '../../src/kinds/index.js';
import { ExternalActor } from '../support/external-actor.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import { role } from '../support/manifests-of.js';
import { entityOf, writesIn } from '../support/runs.js';
import { runs, useWorld, world } from '../support/use-world.js';

/** An entity of each kind leaves its manifest, which says `orphans: remove`. The command line's `--orphans` is tested in `orphans.test.ts`. */

useWorld();

const KEPT = role('kept-by-its-manifest');

let externalActor: ExternalActor;

beforeAll(() => {
  externalActor = new ExternalActor(world);
});

beforeEach(async () => {
  await rm(join(world.directory, 'secrets'), { recursive: true, force: true });
  await externalActor.storeSecrets();
});

/** Applies an entity and takes it out of the manifest. Returns what becomes of it. */
async function leave(kindName: string, entity: JsonObject, namespace: string): Promise<EntityReport> {
  const id = `${kindName}/${findKind(kindName)?.nameOf(entity) ?? ''}`;
  const parts = { namespace, file: `${namespace}.json` };
  expect((await runs.apply([KEPT, entity], parts)).result).toBe('converged');
  world.proxy.clear();
  const reported = await runs.apply([KEPT], parts);
  expect(reported.orphans?.map(({ kind, name }) => `${kind}/${name}`)).toEqual([id]);
  expect(writesIn(world)).toEqual([]);
  const report = await runs.apply([KEPT], { ...parts, orphans: 'remove' });
  expect(report.result).toBe('converged');
  return entityOf(report, id);
}

describe.each(Object.entries(KIND_FIXTURES))(
  '%s',
  (kindName, { prerequisites, full, hasNoCreationDate, alwaysPresent }) => {
    const entity: JsonObject = { kind: kindName, ...full };
    const { ownable: isOwnable = false, secret } = findKind(kindName) ?? {};
    const isProven = isOwnable || (hasNoCreationDate !== true && alwaysPresent === undefined);

    test('that was created here is deleted, if that can be proven', async () => {
      await externalActor.send(prerequisites);
      const left = await leave(kindName, entity, `created-${kindName.toLowerCase()}`);
      expect(left).toMatchObject({ orphan: true, outcome: isProven ? 'deleted' : 'unchanged' });
      if (!isProven) expect(writesIn(world)).toEqual([]);
    });

    test('that was adopted is not deleted', async () => {
      await externalActor.send(prerequisites);
      await externalActor.create(kindName, full);
      const left = await leave(kindName, entity, `adopted-${kindName.toLowerCase()}`);
      const writes = writesIn(world).filter((action) => !action.startsWith('Untag'));
      if (!isOwnable && secret?.recordFromReply !== undefined) {
        // One whose secret is not stored is not adopted: another one is created beside it, and leaves alone.
        expect(left).toMatchObject({ orphan: true, outcome: 'deleted' });
        expect(writes).toEqual([`Delete${kindName}`]);
        return;
      }
      expect(left).toMatchObject({ orphan: true, outcome: isOwnable ? 'released' : 'unchanged' });
      expect(writes).toEqual([]);
    });
  },
);
