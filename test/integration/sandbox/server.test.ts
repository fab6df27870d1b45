import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { iam, outcomeOf, useSandbox } from '../../support/iam-sandbox.js';
import { findPython, iamClient, startSandbox } from '../../support/sandbox.js';

useSandbox();

test('every reply has its own request ID, errors included', async () => {
  const ids = new Set<string | undefined>();
  for (let n = 0; n < 3; n += 1) ids.add((await iam.listRoles({})).$metadata.requestId);
  const error = await iam.getRole({ RoleName: 'r' }).catch((reason: unknown) => reason);
  ids.add((error as { $metadata: { requestId?: string } }).$metadata.requestId);
  expect(ids.size).toBe(4);
  expect(ids).not.toContain(undefined);
});

test('an action that is not implemented is refused as AWS does', async () => {
  const message = await outcomeOf(iam.generateOrganizationsAccessReport({ EntityPath: 'o-a1b2c3d4e5/r-f6g7h8i9j0' }));
  expect(message).toMatch(/^400 InvalidAction: Could not find operation GenerateOrganizationsAccessReport/);
});

test('--account selects the account', async () => {
  const own = await startSandbox({ account: '333333333333' });
  try {
    const created = await iamClient(own.url).createUser({ UserName: 'u' });
    expect(created.User?.Arn).toBe('arn:aws:iam::333333333333:user/u');
  } finally {
    await own.stop();
  }
});

test.each([
  [
    'when its standard input closes, with --exit-with-stdin',
    ['--exit-with-stdin'],
    (child: ChildProcess) => child.stdin?.end(),
  ],
  ['on SIGTERM', [], (child: ChildProcess) => child.kill('SIGTERM')],
])('the process ends %s', async (_when, options, end) => {
  const script = resolve(__dirname, '../../../sandbox/serve.py');
  const child = spawn(await findPython(), [script, '--port', '0', ...options], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  for await (const line of createInterface({ input: child.stdout })) {
    expect(JSON.parse(line)).toEqual({
      ready: true,
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/) as string,
    });
    break;
  }
  end(child);
  await exited;
  expect(child.exitCode).toBe(0);
});

test('without --exit-with-stdin the process runs on without its standard input', async () => {
  const script = resolve(__dirname, '../../../sandbox/serve.py');
  const child = spawn(await findPython(), [script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  try {
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
    const { url } = JSON.parse(line) as { url: string };
    expect(await outcomeOf(iamClient(url).listRoles({}))).toBe('accepted');
  } finally {
    child.kill();
    await exited;
  }
});
