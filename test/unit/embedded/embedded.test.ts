import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { bytesField, intField } from '../../../src/embedded/grpc.js';
import { findTemporalCli } from '../../../src/embedded/temporal-cli.js';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'iam-bootstrap-embedded-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** A program that passes for the Temporal CLI, or for something else of that name. */
async function program(path: string, says: string): Promise<string> {
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "${says}"\n`, { mode: 0o755 });
  return path;
}

const NOWHERE = 'http://127.0.0.1:1/cli';

describe('protobuf fields', () => {
  it('are encoded as the wire format wants them', () => {
    expect(bytesField(1, 'ab')).toEqual(Buffer.from([0x0a, 2, 0x61, 0x62]));
    expect(intField(2, 300)).toEqual(Buffer.from([0x10, 0xac, 0x02]));
    expect(bytesField(1, 'x'.repeat(200)).subarray(0, 3)).toEqual(Buffer.from([0x0a, 0xc8, 0x01]));
  });
});

describe('finding the Temporal CLI', () => {
  it('takes the path that the user gives, and refuses one that is something else', async () => {
    const path = await program(join(directory, 'mine'), 'temporal version 9');
    const options = { cacheDirectory: directory, downloadIndex: NOWHERE };
    await expect(findTemporalCli({ ...options, path })).resolves.toEqual({ path, source: 'option' });
    const other = await program(join(directory, 'other'), 'hello');
    await expect(findTemporalCli({ ...options, path: other })).rejects.toThrow(/other: .*another program/);
    await expect(findTemporalCli({ ...options, path: join(directory, 'none') })).rejects.toThrow(
      /the Temporal CLI given, .*none: there is no such file; give the path/,
    );
  });

  it('takes the one on PATH unless it is another program', async () => {
    const path = await program(join(directory, 'bin', 'temporal'), 'temporal version 9');
    const options = {
      cacheDirectory: join(directory, 'cache'),
      downloadIndex: NOWHERE,
      environment: { PATH: join(directory, 'bin') },
    };
    await expect(findTemporalCli(options)).resolves.toEqual({ path, source: 'path' });
    await program(path, 'the temporal dimension');
    await expect(findTemporalCli(options)).rejects.toThrow(/PATH: .*another program/);
  });

  it('tells every way it tried, and what to do', async () => {
    const environment = { PATH: join(directory, 'empty') };
    const cacheDirectory = join(directory, 'cache');
    const error: unknown = await findTemporalCli({ cacheDirectory, environment, downloadIndex: NOWHERE }).catch(
      (reason: unknown) => reason,
    );
    expect(String(error).split('\n')).toEqual([
      'EmbeddedError: no Temporal CLI found:',
      '  PATH: no temporal there',
      `  cache: none in ${cacheDirectory}`,
      expect.stringContaining('  download: http://127.0.0.1:1: fetch failed'),
      '  go install: no go on PATH',
      'install it (https://docs.temporal.io/cli), or give its path with --temporal-cli or IAM_BOOTSTRAP_TEMPORAL_CLI',
    ]);
  });

  describe('by download', () => {
    let server: Server;
    let archive: Buffer;
    let requests: string[];

    beforeEach(async () => {
      await program(join(directory, 'package', 'temporal'), 'temporal version 9');
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

    it('fetches once, however many ask, and finds it in the cache afterwards', async () => {
      const found = await Promise.all([findTemporalCli(options()), findTemporalCli(options())]);
      expect(found.map(({ source }) => source)).toEqual(['download', 'download']);
      expect(requests).toEqual(['/cli', '/archive']);
      await expect(findTemporalCli(options())).resolves.toMatchObject({ source: 'cache', path: found[0].path });
    });

    it('leaves nothing in the cache where the download is broken', async () => {
      archive = archive.subarray(0, archive.length / 2);
      await expect(findTemporalCli(options())).rejects.toThrow('download: http://127.0.0.1');
      expect(await readdir(join(directory, 'cache', 'temporal-cli'))).toEqual([]);
    });

    it('makes a broken one in the cache anew', async () => {
      const { path } = await findTemporalCli(options());
      await program(path, 'broken');
      await expect(findTemporalCli(options())).resolves.toEqual({ path, source: 'download' });
    });
  });
});
