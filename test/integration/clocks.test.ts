import { apply } from '../../src/client/run/start.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { requestOf } from '../support/manifests-of.js';
import { iam, temporal, useWorld, world } from '../support/use-world.js';
import { ACCOUNT } from '../support/world.js';

useWorld();

/** An entity of each kind that only a date or a listing tells from the work of another caller, with its Create. */
const ENTITIES: readonly (JsonObject & { readonly kind: string })[] = [
  { kind: 'Group', groupName: 'clocks' },
  { kind: 'LoginProfile', userName: 'clocks', secret: { secretsManager: 'ci/login' } },
  { kind: 'AccessKey', userName: 'clocks', secret: { secretsManager: 'ci/key' } },
  {
    kind: 'ServiceSpecificCredential',
    userName: 'clocks',
    serviceName: 'codecommit.amazonaws.com',
    secret: { secretsManager: 'ci/credential' },
  },
  { kind: 'ServiceLinkedRole', awsServiceName: 'elasticbeanstalk.amazonaws.com' },
];

test.each([-600_000, -3_000, 600_000])(
  'with a clock of AWS %d ms ahead, lost replies leave nothing',
  async (aheadMs) => {
    await iam.createUser({ UserName: 'clocks' });
    world.proxy.on({}, { kind: 'clock', aheadMs });
    for (const { kind } of ENTITIES) {
      world.proxy.on({ action: `Create${kind}` }, { kind: 'reset-after', times: 1 });
    }
    const report = await apply(
      temporal,
      await requestOf(world, { namespace: 'clocks', account: ACCOUNT, entities: ENTITIES }),
    );
    expect(report.entities.map(({ kind, outcome }) => [kind, outcome])).toEqual(
      ENTITIES.map(({ kind }) => [kind, 'created']),
    );
    const { AccessKeyMetadata = [] } = await iam.listAccessKeys({ UserName: 'clocks' });
    const { ServiceSpecificCredentials = [] } = await iam.listServiceSpecificCredentials({ UserName: 'clocks' });
    expect([AccessKeyMetadata.length, ServiceSpecificCredentials.length]).toEqual([1, 1]);
    expect(world.proxy.count('CreateAccessKey')).toBe(2);
  },
);
