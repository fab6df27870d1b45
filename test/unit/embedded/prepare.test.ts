import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prepareServers, requirePython } from '../../../src/embedded/prepare.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-prepare-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function pythonThatPrints(text: string, exitCode = 0): Promise<string> {
  const path = join(directory, 'python3');
  await writeFile(path, `#!/bin/sh\necho '${text}'\nexit ${String(exitCode)}\n`);
  await chmod(path, 0o755);
  return path;
}

test.each([
  ['3.9 1', /is Python 3\.9; the IAM sandbox needs Python 3\.10 or later/],
  ['2.7 1', /is Python 2\.7;/],
  ['3.12 0', /Python 3\.12 lacks its module venv or pip;/],
])('names the Python that prints %j, and how to get another', async (printed, message) => {
  const python = await pythonThatPrints(printed);
  await expect(requirePython(python, {})).rejects.toThrow(message);
  await expect(requirePython(python, {})).rejects.toThrow('\n  Debian, Ubuntu: apt-get install python3 python3-venv\n');
});

test.each(['3.10 1', '3.14 1'])('takes the Python that prints %j', async (printed) => {
  await expect(requirePython(await pythonThatPrints(printed), {})).resolves.toBeUndefined();
});

test('names everything that is missing at once, with a line for each reason', async () => {
  const config = { cacheDirectory: directory, environment: { PATH: directory }, temporalCli: join(directory, 'none') };
  const prepared = prepareServers(config, { sandbox: true, announce: () => undefined });
  await expect(prepared).rejects.toThrow(/^no python3 is on PATH;[^]*\nthe given Temporal CLI .* is not usable/);
  await expect(prepareServers(config, { sandbox: false, announce: () => undefined })).rejects.toThrow(/^the given/);
});
