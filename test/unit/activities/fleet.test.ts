import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createFleetActivities, type FleetParts } from '../../../src/activities/fleet/index.js';
import { Permits } from '../../../src/activities/runtime/permits.js';
import { assertReportOf } from '../../../src/client/fleet/apply.js';
import type { FleetAccount, FleetReport, FleetRequest } from '../../../src/contract/fleet.js';
import type { BootstrapRequest } from '../../../src/contract/request.js';
import { fleetDigest } from '../../../src/engine/request-digest.js';

const [FIRST, SECOND, FOREIGN] = ['111111111111', '222222222222', '333333333333'] as const;
const UNIT = ['ou-abcd-11111111'];

const MANIFEST = `version: 1
namespace: landing
fleets: { workloads: { accounts: { ids: ["${FIRST}", "${SECOND}"] } } }
entities: [{ kind: User, userName: "{{account}}" }]
`;

function requestOf(more: Partial<FleetRequest> = {}, selection: Partial<FleetRequest['selection']> = {}): FleetRequest {
  const content: Omit<FleetRequest, 'digest' | 'key'> = {
    version: 1,
    command: 'apply',
    fleet: 'workloads',
    namespace: 'landing',
    environment: 'workloads',
    partition: 'aws',
    manifest: {
      sources: [{ file: 'm.yaml', text: MANIFEST }],
      files: {},
      variables: {},
      adopt: [],
      deleteTrusted: [],
      name: 'm.yaml',
    },
    selection: { ids: [FIRST, SECOND], organizationalUnits: [], tags: {}, exclude: [], ...selection },
    rollout: { waves: [], concurrency: 1, maxFailures: { accounts: 0 }, approveWaves: false },
    pipeline: { provider: 'local', url: null, commit: null, actor: null },
    keepGoing: false,
    ...more,
  };
  return { ...content, digest: fleetDigest(content), key: 'k' };
}

const bare = (id: string): FleetAccount => ({ id, name: null, tags: {} });

/** An organization in which a unit has one account. */
const organization = {
  accounts: () => Promise.resolve([]),
  accountsOf: () => Promise.resolve([{ id: FOREIGN, name: 'shop', state: 'ACTIVE' }]),
  unitsOf: () => Promise.resolve([]),
  tagsOf: () => Promise.resolve({}),
};

function activities(permits?: Permits): ReturnType<typeof createFleetActivities> {
  const parts: FleetParts = {
    accounts: { organization: () => ({ organization, close: () => undefined }) },
    accountRuns: { find: () => Promise.reject(new Error('no runs')) },
    enforcement: { targetForReads: (target) => target, guardrails: null, permits },
    isSignedOnly: false,
  };
  return createFleetActivities(parts);
}

/** Runs an activity as a worker does. */
function run<Given, Result>(activity: (given: Given) => Promise<Result>, given: Given): Promise<Result> {
  const logger = new DefaultLogger('ERROR', () => undefined);
  return new MockActivityEnvironment({}, { logger }).run(activity, given);
}

const prepare = (request: FleetRequest, account: FleetAccount, permits?: Permits): Promise<BootstrapRequest> =>
  run(activities(permits).prepareFleetAccount, { request, account });

describe('a worker', () => {
  it.each([
    ['a command', { command: 'plan' }],
    ['a revision that may be older', { allowOlder: true }],
    ['an account', { only: [FIRST] }],
  ] as const)('refuses a request with %s that its digest does not tell, for good', async (_what, more) => {
    const forged = { ...requestOf(), ...more };
    for (const refused of [run(activities().resolveFleet, forged), prepare(forged, bare(FIRST))]) {
      const error = await refused.catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ApplicationFailure);
      expect(error).toMatchObject({
        nonRetryable: true,
        type: 'NotAllowed',
        message: 'the digest of the request is not that of its content',
      });
    }
    const { accounts } = await run(activities().resolveFleet, requestOf(more));
    expect(accounts[0]).toEqual(bare(FIRST));
  });

  it('makes a request for the accounts of a fleet that lists them, and for no other', async () => {
    expect((await prepare(requestOf(), bare(FIRST))).target.account).toBe(FIRST);
    const no = /no worker has found account \d+ for fleet workloads/;
    await expect(prepare(requestOf(), bare(FOREIGN))).rejects.toThrow(no);
    await expect(prepare(requestOf({ only: [SECOND] }), bare(FIRST))).rejects.toThrow(no);
    await expect(prepare(requestOf({}, { exclude: [FIRST] }), bare(FIRST))).rejects.toThrow(no);
    await expect(
      prepare(requestOf({}, { exclude: [FOREIGN], organizationalUnits: UNIT }), bare(FOREIGN)),
    ).rejects.toThrow(no);
  });

  it('with a permit key, makes requests for accounts only as workers have found them for this request', async () => {
    const permits = new Permits(['key']);
    const request = requestOf({}, { ids: [], organizationalUnits: UNIT });
    const { accounts } = await run(activities(permits).resolveFleet, request);
    const [found = bare('')] = accounts;
    expect(found).toMatchObject({ id: FOREIGN, name: 'shop', tags: {} });
    expect((await prepare(request, found, permits)).target.account).toBe(FOREIGN);
    const no = /no worker has found account/;
    await expect(prepare(request, { ...found, permit: undefined } as never, permits)).rejects.toThrow(no);
    await expect(prepare(request, { ...found, id: FIRST }, permits)).rejects.toThrow(no);
    await expect(prepare(request, { ...found, tags: { team: 'admin' } }, permits)).rejects.toThrow(no);
    const other = requestOf({ keepGoing: true }, { ids: [], organizationalUnits: UNIT });
    await expect(prepare(other, found, permits)).rejects.toThrow(no);
    await expect(prepare(request, found, new Permits(['other key']))).rejects.toThrow(no);
  });
});

describe('a client that has joined a run', () => {
  const request = requestOf();
  it.each([
    ['planned', { ...request, command: 'plan' }],
    ['applied something else', requestOf({ keepGoing: true })],
  ] as const)('takes no report of one that has %s for that of its request', (_what, { digest, command }) => {
    expect(() => assertReportOf(request, { digest, command } as FleetReport)).toThrow(
      /the run that was joined did something else than its memo says/,
    );
    const own = { digest: request.digest, command: request.command } as FleetReport;
    expect(assertReportOf(request, own)).toBe(own);
  });
});
