import { missingWorkerText } from '../../../src/client/run/missing-worker.js';
import { type Build, failingReason, pinnedBuild, unservedReason } from '../../../src/temporal/pollers.js';

const VERSIONED = 2;
const PINNED = 1;

const build = (buildId: string): Build => ({ deploymentName: 'iam', buildId });
const OLD = build('old');
const NEW = build('new');

const poller = (of: Build | null): object => ({
  deploymentOptions: of === null ? { buildId: 'ignored' } : { ...of, workerVersioningMode: VERSIONED },
});
const queue = (
  polling: readonly (Build | null)[],
  current: Build | null = null,
  ramping: Build | null = null,
): object => ({
  pollers: polling.map(poller),
  versioningInfo: { currentDeploymentVersion: current, rampingDeploymentVersion: ramping },
});

describe('a worker takes the tasks', () => {
  test.each([
    ['of any run, where neither has a build', queue([null]), null],
    ['of a new run, with the current build', queue([OLD, NEW], NEW), null],
    ['of a new run, with the build that is being introduced', queue([NEW], OLD, NEW), null],
    ['of a run that stays on its build', queue([OLD], NEW), OLD],
    ['of a run that stays on its build, beside others', queue([null, NEW, OLD], NEW), OLD],
  ])('%s', (_what, described, pinned) => {
    expect(unservedReason(described, pinned, false)).toBeNull();
  });
});

describe('no worker takes the tasks', () => {
  const texts = (described: object, pinned: Build | null, isSilent = false): [string, string] => {
    const found = unservedReason(described, pinned, isSilent);
    if (found === null) throw new Error('a worker takes them');
    const { message, remedy } = missingWorkerText(found, 'queue', 'RESCUE');
    return [message, remedy];
  };

  test('where none polls', () => {
    expect(texts(queue([], NEW), OLD)).toEqual([
      'no worker polls the task queue queue',
      'start one with `iam-bootstrap worker`; an open run then continues by itself',
    ]);
  });

  test('of a run that the workers which poll cannot execute', () => {
    expect([failingReason(null), failingReason({ attempt: 2 })]).toEqual([null, null]);
    const failing = failingReason({ attempt: 3 });
    if (failing === null) throw new Error('the task is not failing');
    expect(missingWorkerText(failing, 'queue', 'RESCUE')).toEqual({
      message: 'workers of task queue queue cannot go on with the run: its workflow task was tried 3 times',
      remedy:
        'read the log of the worker; where it reports nondeterminism, a newer version began the run: start a worker of that version again',
    });
  });

  test('of a run that stays on a build which is gone', () => {
    expect(texts(queue([NEW, NEW], NEW), OLD)).toEqual([
      'the run stays on build old of deployment iam, which no worker of task queue queue has; they have new',
      'start `iam-bootstrap worker` with that build, or move the run and its children to the current build: RESCUE',
    ]);
  });

  test('of a run whose build is still listed beside others, and has not answered', () => {
    expect(texts(queue([OLD, NEW], NEW), OLD, true)[0]).toBe(
      'the run stays on build old of deployment iam, and no worker with it has answered in time; task queue queue has workers of old, new',
    );
    expect(unservedReason(queue([OLD], OLD), OLD, true)).toBeNull();
  });

  test('of a new run, where no build is the current one', () => {
    expect(texts(queue([NEW]), null)).toEqual([
      'no build is the current one, and every worker of task queue queue has a build: new',
      'make a build the current one: temporal worker deployment set-current-version --deployment-name iam --build-id new; or start `iam-bootstrap worker` without a build',
    ]);
  });

  test('of a new run, where the current build is gone', () => {
    expect(texts(queue([null], OLD), null)).toEqual([
      'new runs go to build old of deployment iam, which no worker of task queue queue has; they have no build',
      'start `iam-bootstrap worker` with that build',
    ]);
  });
});

test.each([
  ['it is not pinned', { behavior: 2, deploymentVersion: OLD }, null],
  ['it has no build', {}, null],
  ['it is pinned', { behavior: PINNED, deploymentVersion: OLD }, OLD],
  [
    'an override moved it to the current build',
    { behavior: PINNED, deploymentVersion: OLD, versioningOverride: { autoUpgrade: true } },
    null,
  ],
  [
    'an override pinned it to another',
    { behavior: PINNED, deploymentVersion: OLD, versioningOverride: { pinned: { version: NEW } } },
    NEW,
  ],
] as const)('the build that a run stays on, where %s', (_what, info, expected) => {
  expect(pinnedBuild(info as never)).toEqual(expected);
});
