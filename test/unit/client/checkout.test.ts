import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { originOf } from '../../../src/client/checkout.js';
import { pipelineOf } from '../../../src/config/ci-provider.js';
import { commitAll } from '../../support/git.js';

/** Where the revision and the commit of a request come from, with real checkouts. */

const pipeline = pipelineOf({
  GITHUB_ACTIONS: 'true',
  GITHUB_SHA: 'f'.repeat(40),
  GITHUB_ACTOR: 'ada',
  GITHUB_TRIGGERING_ACTOR: 'grace',
});

let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'iam-bootstrap-checkout-'));
  writeFileSync(join(cwd, 'iam.yaml'), '');
});

afterEach(() => {
  rmSync(cwd, { recursive: true });
});

test('time and commit are both those of the checkout, whatever commit the CI service names', async () => {
  const commit = commitAll(cwd, 1_700_000_000);
  expect(await originOf(['iam.yaml'], { pipeline, cwd })).toEqual({
    pipeline: { ...pipeline, commit },
    revision: { value: 1_700_000_000, source: 'commit-time' },
  });
  expect(await originOf(['iam.yaml'], { pipeline, cwd, given: 7 })).toEqual({
    pipeline: { ...pipeline, commit },
    revision: { value: 7, source: 'given' },
  });
});

test('outside of CI there is neither', async () => {
  commitAll(cwd, 1_700_000_000);
  const local = pipelineOf({ USER: 'ada' });
  expect(await originOf(['iam.yaml'], { pipeline: local, cwd })).toEqual({ pipeline: local, revision: undefined });
});

test('who asks is the person that started this attempt of the job', () => {
  expect(pipeline.actor).toBe('grace');
});

test('a commit that is dated in the future is refused with its date, unless a revision is given', async () => {
  const seconds = Math.floor(Date.now() / 1000) + 3_600;
  const commit = commitAll(cwd, seconds);
  const { problem } = await originOf(['iam.yaml'], { pipeline, cwd });
  expect(problem).toMatchObject({
    file: 'iam.yaml',
    message: expect.stringContaining(
      `commit ${commit} is dated in the future (${new Date(seconds * 1000).toISOString()})`,
    ) as string,
    remedy: expect.stringContaining('--revision') as string,
  });
  expect(await originOf(['iam.yaml'], { pipeline, cwd, given: 7 })).not.toHaveProperty('problem');
});

test('where there is no repository, the warning says so', async () => {
  const { warning } = await originOf(['iam.yaml'], { pipeline, cwd });
  expect(warning?.message).toMatch(/applied after this one: fatal: not a git repository /);
  expect(warning?.message).not.toContain('--revision');
  expect(warning?.remedy).toBe('check it out with git, or give --revision');
});
