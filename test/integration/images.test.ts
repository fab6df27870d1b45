import { readFileSync, writeFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/config.js';
import { findTemporalCli } from '../../src/embedded/temporal-cli.js';
import type { Report } from '../../src/contract/report.js';
import { withDefaults } from '../support/compose-defaults.js';
import { allowing, manifestOf, role } from '../support/manifests-of.js';
import { findImage, type Image, missingForPod, type Pod, type PodProcess, startPod } from '../support/pod.js';
import { ACCOUNT } from '../support/world.js';

/**
 * The images that `scripts/images.sh` builds from the Dockerfiles: the worker and the sandbox run from them, with the
 * settings of the compose file, with what the chart takes from a container, and with a Temporal dev server.
 */

const ROOT = join(__dirname, '../..');
const compose = parse(readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8'), { merge: true }) as {
  readonly services: Readonly<Record<string, { readonly environment: readonly string[] }>>;
};
const WORKER_ENVIRONMENT = Object.fromEntries(
  (compose.services['worker-sandbox']?.environment ?? []).map((entry) => {
    const [name = '', value = ''] = entry.split(/=(.*)/, 2);
    return [name, withDefaults(value)];
  }),
);

const NOT_BUILT = 'the images are not built: run scripts/images.sh, which needs buildah';
const images = { worker: findImage('worker'), sandbox: findImage('sandbox') };
const missing = images.worker === undefined ? NOT_BUILT : missingForPod();
const here = missing === undefined ? describe : describe.skip;

let worker: Image;
let sandbox: Image;
let pod: Pod;
let folder: string;
/** The worker, which all tests but the last one use. */
let running: PodProcess;

const CLI = ['node', 'dist/cli/main.js'];

/** Ends with 0 once the server has them. Of `doctor`, other findings, such as the missing worker, do not count here. */
async function registerSearchAttributes(): ReturnType<Pod['run']> {
  const doctor = await pod.run(worker, [...CLI, 'doctor', '--fix'], { env: WORKER_ENVIRONMENT });
  return { ...doctor, code: /^(?:ok|fixed) +search attributes/m.test(doctor.stdout) ? 0 : 1 };
}

/** Runs the health check that the Dockerfile declares. */
function health(image: Image): ReturnType<Pod['run']> {
  const [kind, ...command] = image.config.Healthcheck?.Test ?? [];
  expect(kind).toBe('CMD');
  return pod.run(image, command);
}

function evaluate(script: string): ReturnType<Pod['run']> {
  return pod.run(worker, ['node', '-p', script]);
}

here(`the images (${missing ?? 'built by scripts/images.sh'})`, () => {
  beforeAll(async () => {
    if (images.worker === undefined || images.sandbox === undefined) throw new Error(NOT_BUILT);
    [worker, sandbox] = [images.worker, images.sandbox];
    folder = await mkdtemp(join(tmpdir(), 'iam-bootstrap-images-'));
    // For the user of the image.
    await chmod(folder, 0o755);
    pod = await startPod(['temporal', 'iam-sandbox']);
    const { path } = await findTemporalCli({ cacheDirectory: loadConfig().cacheDirectory });
    const temporal = pod.start([path, 'server', 'start-dev', '--headless', '--ip', '127.0.0.1', '--log-level', 'warn']);
    const aws = pod.startImage(sandbox);
    await pod.untilHealthy('the sandbox', () => health(sandbox), aws);
    await pod.untilHealthy('Temporal', registerSearchAttributes, temporal);
    running = pod.startImage(worker, undefined, { env: WORKER_ENVIRONMENT });
    await pod.untilHealthy('the worker', () => health(worker), running);
  });
  afterAll(async () => {
    await pod.stop();
    await rm(folder, { recursive: true });
  });

  test('the worker answers to the probes of the chart', async () => {
    for (const path of ['livez', 'readyz']) {
      const script = `fetch('http://127.0.0.1:8080/${path}').then(({ status }) => console.log('status', status))`;
      await pod.untilHealthy(
        path,
        async () => {
          const answer = await pod.run(worker, ['node', '-e', script]);
          return { ...answer, code: answer.stdout === 'status 200\n' ? 0 : 1 };
        },
        running,
      );
    }
  });

  test('the worker converges a manifest, which the command line of the image applies', async () => {
    const policy = { kind: 'Policy', policyName: 'image', policyDocument: allowing('s3:GetObject') };
    const manifest = manifestOf({ namespace: 'image', account: ACCOUNT, entities: [role('image'), policy] });
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
    const apply = async (): Promise<Report> => {
      const command = [...CLI, 'apply', '-f', '/mnt/manifest.json', '-o', 'json'];
      const { code, output, stdout } = await pod.run(worker, command, { env: WORKER_ENVIRONMENT, folder });
      expect([code, output]).toEqual([0, output]);
      return JSON.parse(stdout) as Report;
    };
    expect((await apply()).summary).toMatchObject({ created: 2 });
    expect((await apply()).summary).toMatchObject({ unchanged: 2 });
  });

  test('the worker is the first process, is no root and has no capability', async () => {
    const status = readFileSync(`/proc/${String(await running.pid())}/status`, 'utf8');
    expect(status).toMatch(/^NSpid:(\t\d+)*\t1$/m);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^CapPrm:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    // As the chart and the manifests name it.
    expect(await evaluate('[process.getuid(), process.getgid(), process.getgroups().join()].join(" ")')).toMatchObject({
      code: 0,
      output: '1000 1000 1000\n',
    });
  });

  test('nothing can be written but /tmp', async () => {
    const write = (path: string): string => `fs.writeFileSync('${path}/file', '')`;
    for (const path of ['/app', '/app/dist', '/home/node', '/var/tmp']) {
      expect((await evaluate(write(path))).output).toContain('EROFS');
    }
    expect(await evaluate(write('/tmp'))).toMatchObject({ code: 0, output: 'undefined\n' });
  });

  test('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
    const printed = pod.startImage(worker, ['--version']);
    expect([await printed.exited, printed.output().trim()]).toEqual([0, version]);
  });

  test('trusts public authorities, with TLS to Temporal, too', async () => {
    // A server that is none: the handshake fails, and not for want of authorities to trust.
    const script = `
    const server = require('node:net').createServer((socket) => socket.destroy()).listen(7234, '127.0.0.1', async () => {
      const { NativeConnection } = require('@temporalio/worker');
      await NativeConnection.connect({ address: '127.0.0.1:7234', tls: true }).catch(({ message }) => console.log(message));
      process.exit();
    });`;
    const { output } = await pod.run(worker, ['node', '-e', script]);
    expect(output).toContain('Transport');
    expect(output).not.toContain('NativeCertsNotFound');
  });

  test('has neither a package manager nor what only developers need', async () => {
    const { output } = await evaluate(
      `fs.readdirSync('/app', { recursive: true }).filter((path) => /\\.(map|d\\.ts)$|^node_modules\\/(jest|typescript|eslint)$|^(test|src)\\b/.test(path)).join()`,
    );
    expect(output).toBe('\n');
    for (const program of ['npm', 'npx', 'yarn', 'corepack']) {
      expect((await evaluate(`child_process.spawnSync('${program}').error?.code`)).output).toBe('ENOENT\n');
    }
  });

  test('SIGTERM ends the worker, with exit code 0', async () => {
    expect(await running.stop()).toBe(0);
  });
});
