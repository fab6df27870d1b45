import { ApplicationFailure, defaultPayloadConverter } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import { DefaultLogger } from '@temporalio/worker';
import { createFleetActivities, type FleetParts } from '../../../src/activities/fleet/index.js';
import { FleetRequests } from '../../../src/activities/fleet-requests.js';
import { Delegations } from '../../../src/activities/runtime/delegations.js';
import { Enforcement } from '../../../src/activities/runtime/enforcement.js';
import { FleetPermits } from '../../../src/activities/runtime/fleet-permits.js';
import { Permits } from '../../../src/activities/runtime/permits.js';
import { SchedulePermits } from '../../../src/activities/runtime/schedule-permits.js';
import { assertReportOf } from '../../../src/client/fleet/apply.js';
import type { EntityRun } from '../../../src/contract/activities.js';
import type { FleetAccount, FleetActivities, FleetReport, FleetRequest } from '../../../src/contract/fleet.js';
import type { FleetPermit } from '../../../src/contract/identity.js';
import type { BootstrapRequest } from '../../../src/contract/request.js';
import { fleetDigest } from '../../../src/engine/request-digest.js';

const [FIRST, SECOND, FOREIGN] = ['111111111111', '222222222222', '333333333333'] as const;
const UNIT = ['ou-abcd-11111111'];
const KEY = 'a key of at least thirty-two characters';
const FLEET_RUN = 'fleet-1';

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

/** The workflows of the runs in Temporal, whose run IDs name them. */
const runs = {
  isReset: ({ runId }: EntityRun) => Promise.resolve(runId.includes('reset')),
  isOfSchedule: (schedule: string) => Promise.resolve(schedule === 'known'),
  workflowOf: ({ runId }: EntityRun) => Promise.resolve({ type: runId.split('-')[0] ?? '', taskQueue: 'test' }),
  originOf: ({ runId }: EntityRun) => Promise.resolve({ startedAt: 0, firstRunId: runId }),
  parentOf: ({ runId }: EntityRun) => Promise.resolve({ workflowId: 'f', runId: runId.replace('child of ', '') }),
};

function fleetPermits(key: string): FleetPermits {
  return new FleetPermits(new Permits([key]), runs);
}

/** A Temporal server whose runs were all started with one request, and that fails at first if asked to. */
class Server {
  reads = 0;
  readonly options = { namespace: 'default', loadedDataConverter: { payloadCodecs: [] } };
  readonly workflowService = {
    getWorkflowExecutionHistory: () => {
      this.reads += 1;
      if (this.reads <= this.#failures) return Promise.reject(new Error('it is restarting'));
      const input = { payloads: [defaultPayloadConverter.toPayload(this.#request)] };
      return Promise.resolve({ history: { events: [{ workflowExecutionStartedEventAttributes: { input } }] } });
    },
  };
  readonly #request: FleetRequest;
  readonly #failures: number;

  constructor(request: FleetRequest, failures = 0) {
    this.#request = request;
    this.#failures = failures;
  }

  withDeadline<T>(_deadline: number, call: () => T): T {
    return call();
  }

  /** Returns what workers know of the requests of its runs. */
  requests(): FleetRequests {
    return new FleetRequests(this as never);
  }
}

function activities(key?: string, requests = new Server(requestOf()).requests()): FleetActivities {
  const source = { current: () => null };
  const schedules = new SchedulePermits(new Permits([key ?? '']), runs);
  const parts: FleetParts = {
    accounts: { organization: () => ({ organization, close: () => undefined }) },
    accountRuns: {
      find: () => Promise.reject(new Error('no runs')),
      findHolder: () => Promise.reject(new Error('no runs')),
    },
    requests,
    enforcement: new Enforcement({
      source,
      ...(key === undefined ? {} : { delegations: new Delegations(schedules, fleetPermits(key)) }),
    }),
  };
  return createFleetActivities(parts);
}

/** Runs an activity as a worker does, in a run. */
function run<Given, Result>(
  activity: (given: Given) => Promise<Result>,
  given: Given,
  runId = FLEET_RUN,
  workflowType = 'fleet',
): Promise<Result> {
  const logger = new DefaultLogger('ERROR', () => undefined);
  const info = { workflowExecution: { workflowId: 'id', runId }, workflowType, taskQueue: 'test' };
  return new MockActivityEnvironment(info, { logger }).run(activity, given);
}

const prepare = (
  request: FleetRequest,
  account: FleetAccount,
  permit?: FleetPermit,
  key?: string,
): Promise<BootstrapRequest> =>
  run(activities(key, new Server(request).requests()).prepareFleetAccount, {
    account,
    ...(permit === undefined ? {} : { permit }),
  });

/** Resolves a fleet in its run, by a worker with a permit key. */
async function resolved(
  request: FleetRequest,
): Promise<{ readonly request: FleetRequest; readonly found: FleetAccount; readonly permit: FleetPermit }> {
  const { accounts, permit } = await run(activities(KEY).resolveFleet, request);
  const [found = bare('')] = accounts;
  if (permit === undefined) throw new Error('no permit');
  return { request, found, permit };
}

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
    const request = requestOf({}, { ids: [], organizationalUnits: UNIT });
    const { found, permit } = await resolved(request);
    expect(found).toMatchObject({ id: FOREIGN, name: 'shop', tags: {} });
    expect((await prepare(request, found, permit, KEY)).target.account).toBe(FOREIGN);
    const no = /no worker has found account/;
    await expect(prepare(request, { ...found, permit: undefined } as never, permit, KEY)).rejects.toThrow(no);
    await expect(prepare(request, { ...found, id: FIRST }, permit, KEY)).rejects.toThrow(no);
    await expect(prepare(request, { ...found, tags: { team: 'admin' } }, permit, KEY)).rejects.toThrow(no);
    const unpermitted = /no worker has permitted the run of its fleet/;
    const other = requestOf({ keepGoing: true }, { ids: [], organizationalUnits: UNIT });
    await expect(prepare(other, found, permit, KEY)).rejects.toThrow(unpermitted);
    await expect(prepare({ ...request, key: 'another' }, found, permit, KEY)).rejects.toThrow(unpermitted);
    await expect(prepare(request, found, undefined, KEY)).rejects.toThrow(unpermitted);
    await expect(prepare(request, found, permit, 'other key')).rejects.toThrow(unpermitted);
    const { prepareFleetAccount } = activities(KEY, new Server(request).requests());
    const elsewhere = run(prepareFleetAccount, { account: found, permit }, 'fleet-2');
    await expect(elsewhere).rejects.toThrow('its permit is that of another run');
  });

  it('reads the request of a run once for all of its accounts, and again where that has failed', async () => {
    const server = new Server(requestOf(), 1);
    const { prepareFleetAccount } = activities(undefined, server.requests());
    const first = run(prepareFleetAccount, { account: bare(FIRST) });
    const failed = { type: 'ServiceUnavailable', nonRetryable: false };
    await expect(first).rejects.toMatchObject(failed);
    await expect(first).rejects.toThrow('the request of the fleet cannot be read: it is restarting');
    const both = [FIRST, SECOND].map((id) => run(prepareFleetAccount, { account: bare(id) }));
    expect((await Promise.all(both)).map(({ target }) => target.account)).toEqual([FIRST, SECOND]);
    expect(server.reads).toBe(2);
    await run(prepareFleetAccount, { account: bare(FIRST) }, 'fleet-2');
    expect(server.reads).toBe(3);
  });

  it('permits nothing to another workflow that asks as a fleet does', async () => {
    const asked = run(activities(KEY).resolveFleet, requestOf(), 'theirs-1');
    await expect(asked).rejects.toThrow('it is not sent by a fleet of this task queue');
  });
});

describe('the permit of a fleet', () => {
  /** Asserts a request for an account in a run of the fleet, or in another one. */
  async function assertIn(runId: string, more: Partial<BootstrapRequest> = {}, type = 'bootstrap'): Promise<unknown> {
    const { request, found, permit } = await resolved(requestOf());
    const prepared = { ...(await prepare(request, found, permit, KEY)), ...more };
    return run(() => fleetPermits(KEY).assert(prepared), null, runId, type);
  }

  it('counts in the runs that the fleet has started', async () => {
    await expect(assertIn(`child of ${FLEET_RUN}`)).resolves.toMatchObject({ runId: FLEET_RUN, command: 'apply' });
  });

  it('is worth nothing in a copy, for another request, or to plan', async () => {
    await expect(assertIn('child of fleet-2')).rejects.toThrow('the fleet of its permit has not started this run');
    const changed = assertIn(`child of ${FLEET_RUN}`, { keepGoing: true });
    await expect(changed).rejects.toThrow('no worker has signed its permit for this request');
    await expect(assertIn(`child of ${FLEET_RUN}`, { key: 'mine' })).rejects.toThrow('no worker has signed its permit');
    await expect(assertIn(`child of ${FLEET_RUN}`, {}, 'plan')).rejects.toThrow('its permit lets a fleet apply only');
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
