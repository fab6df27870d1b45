import { randomBytes } from 'node:crypto';
import { requestSizeProblem as problemOf } from '../../../src/engine/request-size.js';
import { sentBytes as bytesOf } from '../../../src/temporal/sent-bytes.js';
import type { DesiredEntity, JsonObject } from '../../../src/contract/entity.js';
import { MAX_ENTITIES } from '../../../src/contract/request.js';
import { truncateToFit } from '../../../src/report/build.js';
import type { EntityReport } from '../../../src/contract/report.js';
import { checkRequest } from '../../../src/engine/request.js';
import { KINDS } from '../../../src/kinds/index.js';
import { CONCURRENT_ENTITIES } from '../../../src/workflows/bootstrap/reconcile-entities.js';
import { FIRST_LOCK_WAIT_MS, nextLockWait } from '../../../src/workflows/locked-child.js';
import { dataConverter } from '../../../src/temporal/payload-codec.js';

function user(index: number, tags?: JsonObject): DesiredEntity {
  const userName = `user-${String(index)}`;
  return {
    kind: 'User',
    name: userName,
    state: 'present',
    adopt: 'unowned',
    observe: false,
    shared: false,
    unmanaged: 'keep',
    spec: { userName, ...(tags === undefined ? {} : { tags }) },
    dependsOn: [],
  };
}

function users(count: number): DesiredEntity[] {
  return Array.from({ length: count }, (_, index) => user(index));
}

const requestSizeProblem = (given: Parameters<typeof problemOf>[0]): ReturnType<typeof problemOf> =>
  problemOf(given, bytesOf);

function sized(entities: readonly DesiredEntity[]): Parameters<typeof problemOf>[0] {
  return {
    request: { entities, environment: 'prod', namespace: 'ci', manifest: 'a.yaml, b.yaml' },
    positions: entities.map((_, index) => ({ file: 'b.yaml', line: index + 10, column: 3 })),
  };
}

function requestOf(entities: readonly DesiredEntity[]): object {
  return {
    version: 1,
    target: { account: '111111111111', partition: 'aws' },
    namespace: 'ci',
    environment: 'prod',
    entities,
    digest: 'sha256:0',
    key: 'key',
    pipeline: { provider: 'local', url: null, commit: null, actor: null },
    keepGoing: false,
    manifest: 'a.yaml',
  };
}

describe('a request', () => {
  test('with the maximum of entities is accepted; with one more, the problem names its position', async () => {
    expect(await requestSizeProblem(sized(users(MAX_ENTITIES)))).toBeNull();
    expect(await requestSizeProblem(sized(users(MAX_ENTITIES + 1)))).toEqual({
      file: 'b.yaml',
      line: MAX_ENTITIES + 10,
      column: 3,
      path: 'entities[5000]',
      message:
        'namespace ci (prod) is too large for one run: it has 5,001 entities, and the maximum is 5,000; this is the first one too many',
      remedy: 'split it into several namespaces, each with a manifest of its own',
    });
  });

  test('from another client is also measured by the worker', () => {
    expect(checkRequest(requestOf(users(MAX_ENTITIES)), KINDS)).toBeNull();
    expect(checkRequest(requestOf(users(MAX_ENTITIES + 1)), KINDS)).toBe(
      '5001 entities are more than 5000: split it into several namespaces, each with a manifest of its own',
    );
  });

  test('that does not compress below the payload limit is refused with the name of its largest entity', async () => {
    const noise = randomBytes(900_000).toString('base64');
    expect(await requestSizeProblem(sized([user(0), user(1, { noise })]))).toBeNull();
    expect(
      await requestSizeProblem(sized([user(0), user(1, { noise: noise + randomBytes(1_000_000).toString('base64') })])),
    ).toMatchObject({
      line: 11,
      message: expect.stringMatching(
        /too large for one run: the request has 1,\d{3},\d{3} bytes, compressed, and the maximum is 1,750,000; the largest of its 2 entities is User\/user-1, with 2,533,\d{3} bytes$/,
      ) as string,
    });
  });

  test('with too large an estimated history is refused, even if it compresses well', async () => {
    const noise = 'x'.repeat(8_000);
    const most = Array.from({ length: 3_000 }, (_, index) => user(index, { noise }));
    expect(await requestSizeProblem(sized(most))).toBeNull();
    expect(
      await requestSizeProblem(
        sized([...most, ...Array.from({ length: 1_000 }, (_, index) => user(3_000 + index, { noise }))]),
      ),
    ).toMatchObject({
      message: expect.stringMatching(
        /its history would have about 5\d,\d{3},\d{3} bytes, and the maximum is 45,000,000; the largest/,
      ) as string,
    });
  });
});

test('a run that waits for an entity retries often at first, and its history lasts for days of waiting', () => {
  const waits: number[] = [];
  let waited = 0;
  for (let wait = FIRST_LOCK_WAIT_MS; waited < 3 * 24 * 3_600_000; wait = nextLockWait(wait, waited)) {
    waits.push(wait);
    waited += wait;
  }
  expect(waits.slice(0, 8)).toEqual([200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
  // Each try is ten events at most, and twenty entities may wait at a time.
  expect(waits.length * 10 * CONCURRENT_ENTITIES).toBeLessThan(51_200);
});

describe('a report', () => {
  const line = (index: number): EntityReport => ({
    kind: 'Role',
    name: `role-${String(index)}`,
    arn: `arn:aws:iam::111111111111:role/role-${String(index)}`,
    decision: 'create',
    outcome: 'created',
    confirmedBy: 'reply',
    drift: [],
    grants: [],
    warnings: [],
    unmanaged: [],
    writes: Array.from({ length: 22 }, (_, nth) => ({
      operation: nth === 0 ? 'CreateRole' : 'AttachRolePolicy',
      requestId: randomBytes(16).toString('hex'),
      at: new Date(1_700_000_000_000 + index * 1_000 + nth).toISOString(),
    })),
    conflicts: [],
    reason: null,
    remedy: null,
    attempts: 1,
  });

  async function sentBytes(value: unknown): Promise<number> {
    let bytes = 0;
    for (const codec of dataConverter.payloadCodecs) {
      const [sent] = await codec.encode([{ metadata: {}, data: Buffer.from(JSON.stringify(value)) }]);
      bytes = sent?.data?.length ?? 0;
    }
    return bytes;
  }

  test('within the limits is left unchanged', () => {
    const entities = [line(0), line(1)];
    expect(truncateToFit(entities)).toBe(entities);
  });

  test('of the largest possible run is truncated to the payload limit, and counts what it omits', async () => {
    const entities = Array.from({ length: MAX_ENTITIES }, (_, index) => line(index));
    expect(await sentBytes(entities)).toBeGreaterThan(2_097_152);
    const shorter = truncateToFit(entities);
    expect(await sentBytes(shorter)).toBeLessThan(1_000_000);
    expect(shorter[0]).toEqual({ ...entities[0], writes: entities[0]?.writes.slice(0, 1), omittedLines: 21 });
  });

  test('first omits what is recorded elsewhere too', () => {
    const drift = ['a', 'b', 'c'].map((path) => ({ path, observed: 1, desired: 2 }));
    const one = { ...line(0), drift, unmanaged: ['x', 'y'] };
    const size = JSON.stringify([one]).length;
    expect(truncateToFit([one], size)).toEqual([one]);
    expect(truncateToFit([one], size - 1)).toEqual([{ ...one, writes: one.writes.slice(0, 1), omittedLines: 21 }]);
    expect(truncateToFit([one], 1)).toEqual([
      { ...one, writes: one.writes.slice(0, 1), drift: drift.slice(0, 1), unmanaged: ['x'], omittedLines: 24 },
    ]);
  });
});
