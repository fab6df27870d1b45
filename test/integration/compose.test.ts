import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'yaml';
import { SEARCH_ATTRIBUTES } from '../../src/contract/search-attributes.js';
import { runUrlIn } from '../../src/temporal/run-url.js';
import { withDefaults } from '../support/compose-defaults.js';

const ROOT = join(__dirname, '../..');
const COMPOSE_FILE = 'docker-compose.yml';

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile?: string };
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly entrypoint?: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>> | readonly string[];
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: unknown;
  readonly restart?: string;
}

const compose = parse(read(COMPOSE_FILE), { merge: true }) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
const services = Object.entries(compose.services);

/** What waits for its end, and does not wait for its health. */
const oneShots = new Set(
  services.flatMap(([, { depends_on = {} }]) =>
    Object.entries(depends_on)
      .filter(([, { condition }]) => condition === 'service_completed_successfully')
      .map(([name]) => name),
  ),
);

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

function service(name: string): Service {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`there is no service ${name}`);
  return found;
}

function environmentOf({ environment = {} }: Service): Readonly<Record<string, string | undefined>> {
  if (!Array.isArray(environment)) return environment as Readonly<Record<string, string>>;
  return Object.fromEntries(
    (environment as readonly string[]).map((entry) => {
      const [name = '', ...value] = entry.split('=');
      return [name, value.length === 0 ? undefined : withDefaults(value.join('='))];
    }),
  );
}

/** One instruction of a Dockerfile, continuation lines joined. */
interface Instruction {
  readonly name: string;
  readonly text: string;
}

function instructionsOf(dockerfile: string): Instruction[] {
  return read(dockerfile)
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [name = '', ...rest] = line.split(' ');
      return { name, text: rest.join(' ') };
    });
}

function textOf(dockerfile: string, name: string): string {
  // The last one is the one of the image.
  return instructionsOf(dockerfile).findLast((instruction) => instruction.name === name)?.text ?? '';
}

function dockerfileOf({ build }: Service): string | undefined {
  return build === undefined ? undefined : (build.dockerfile ?? 'Dockerfile');
}

const DOCKERFILES = ['Dockerfile', 'docker/sandbox.Dockerfile'];

describe('the compose file', () => {
  test.each(services)('publishes ports of %s on this machine only', (_name, { ports = [] }) => {
    for (const port of ports) expect(withDefaults(port)).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
  });

  test('publishes no port twice but that of the two workers, which keeps them from running together', () => {
    const published = services.flatMap(([name, { ports = [] }]) =>
      ports.map((port) => [withDefaults(port).split(':')[1], name] as const),
    );
    const twice = published.filter(([port]) => published.filter(([other]) => other === port).length > 1);
    expect(twice.map(([, name]) => name).sort()).toEqual(['worker', 'worker-sandbox']);
  });

  test.each(services)('knows whether %s is well, or when it is done', (name, one) => {
    const dockerfile = dockerfileOf(one);
    const ownCheck = one.healthcheck !== undefined;
    const imageCheck = dockerfile !== undefined && textOf(dockerfile, 'HEALTHCHECK') !== '';
    expect([ownCheck, imageCheck, oneShots.has(name)].filter(Boolean)).toHaveLength(1);
  });

  test.each(services)('starts %s again unless it is done', (name, { restart }) => {
    expect(restart).toBe(oneShots.has(name) ? 'no' : 'unless-stopped');
  });

  test.each(services)('says which version of the image of %s', (_name, { image = '' }) => {
    expect(image).toMatch(/^[\w./-]+:[\w.-]+$/);
    expect(image).not.toMatch(/:latest$/);
  });

  test.each(services)('has everything that %s waits for', (_name, { depends_on = {}, profiles = [] }) => {
    for (const [other, { condition }] of Object.entries(depends_on)) {
      expect(condition).toBe(oneShots.has(other) ? 'service_completed_successfully' : 'service_healthy');
      // What is started without a profile, or with the same one.
      expect(service(other).profiles ?? profiles).toEqual(profiles);
    }
  });

  test('declares the volumes that are used, and mounts only files that are there', () => {
    const mounts = services.flatMap(([, { volumes = [] }]) => volumes.map((volume) => volume.split(':')[0] ?? ''));
    const files = mounts.filter((mount) => mount.startsWith('.'));
    expect(mounts.filter((mount) => !mount.startsWith('.')).sort()).toEqual(Object.keys(compose.volumes).sort());
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  });

  test('has no secret but the default password of its own database', () => {
    const secrets = services.flatMap(([name, one]) =>
      Object.entries(environmentOf(one))
        .filter(([variable]) => !variable.startsWith('AWS_ENDPOINT_URL_'))
        .filter(([variable, value]) => /PASSWORD|PWD|SECRET|TOKEN|ACCESS_KEY/.test(variable) && value !== undefined)
        .map(([variable, value]) => `${name} ${variable}=${value ?? ''}`),
    );
    expect(secrets.sort()).toEqual([
      'postgresql POSTGRES_PASSWORD=${POSTGRES_PASSWORD:-temporal}',
      'temporal POSTGRES_PWD=${POSTGRES_PASSWORD:-temporal}',
      'temporal-schema SQL_PASSWORD=${POSTGRES_PASSWORD:-temporal}',
      'worker-sandbox AWS_ACCESS_KEY_ID=sandbox',
      'worker-sandbox AWS_SECRET_ACCESS_KEY=sandbox',
    ]);
  });

  test('keeps the server and the tools that make its schema at one version', () => {
    const [, version] = (service('temporal').image ?? '').split(':');
    for (const name of ['temporal-schema', 'temporal-setup']) {
      expect(service(name).image).toBe(`temporalio/admin-tools:${version ?? ''}`);
    }
  });

  test('has the UI where the command line expects it', () => {
    const portOf = (name: string): number => Number(withDefaults(service(name).ports?.[0] ?? '').split(':')[1]);
    expect(portOf('temporal-ui')).toBe(portOf('temporal') + 1000);
  });
});

describe('the workers', () => {
  const workers = services.filter(([, one]) => dockerfileOf(one) === 'Dockerfile');

  test('are one for AWS and one for the sandbox, and none is started unless it is asked for', () => {
    expect(workers.map(([name, { profiles }]) => [name, profiles])).toEqual([
      ['worker', ['aws']],
      ['worker-sandbox', ['sandbox']],
    ]);
  });

  test.each(workers)('%s is not root, and cannot become it', (_name, one) => {
    expect(one).toMatchObject({
      user: 'node',
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
  });

  test.each(workers)('%s finds the server', (_name, one) => {
    const [, port] = (environmentOf(one)['TEMPORAL_ADDRESS'] ?? '').split(':');
    expect(environmentOf(one)['TEMPORAL_ADDRESS']).toBe('temporal:7233');
    expect(withDefaults(service('temporal').ports?.[0] ?? '')).toMatch(new RegExp(`:${port ?? ''}$`));
    expect(service('temporal-setup').environment).toMatchObject({ TEMPORAL_ADDRESS: 'temporal:7233' });
  });

  test.each(workers)('%s links to the UI as people reach it, in notifications too', (_name, one) => {
    const [address = ''] = /^[\d.]+:\d+/.exec(withDefaults(service('temporal-ui').ports?.[0] ?? '')) ?? [];
    const ui = environmentOf(one)['IAM_BOOTSTRAP_UI_URL'];
    expect(ui).toBe(`http://${address}`);
    const runUrl = runUrlIn(ui, { address: 'temporal:7233', namespace: 'default' });
    expect(runUrl('workflow-1', 'run-1')).toContain(`http://${address}/`);
  });

  test('only the one of the sandbox has an endpoint in place of AWS, and it is the sandbox', () => {
    const endpoints = Object.entries(environmentOf(service('worker-sandbox'))).filter(([name]) =>
      name.includes('ENDPOINT'),
    );
    const port = withDefaults(service('iam-sandbox').ports?.[0] ?? '').split(':')[2] ?? '';
    const sandboxed = [
      'IAM',
      'STS',
      'SECRETS_MANAGER',
      'CLOUDTRAIL',
      'ACCESSANALYZER',
      'RESOURCE_GROUPS_TAGGING_API',
    ].map((name) => [`AWS_ENDPOINT_URL_${name}`, `http://iam-sandbox:${port}`]);
    expect(endpoints).toEqual(sandboxed);
    expect(textOf('docker/sandbox.Dockerfile', 'ENTRYPOINT')).toContain(`"--port", "${port}"`);
    expect(Object.keys(environmentOf(service('worker'))).filter((name) => name.includes('ENDPOINT'))).toEqual([]);
  });
});

/** Stands for the Temporal CLI: writes down what it is called with, and fails at each call once. */
const FAKE_CLI = `#!/bin/sh
call="$*"
echo "$call" >>"$0.calls"
[ "$(grep -cxF -e "$call" "$0.calls")" -gt 1 ]
`;

describe('the one-shot that prepares the namespace', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'iam-bootstrap-compose-'));
    writeFileSync(join(directory, 'temporal'), FAKE_CLI, { mode: 0o755 });
    writeFileSync(join(directory, 'sleep'), '#!/bin/sh\n', { mode: 0o755 });
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  function run(): { readonly status: number | null; readonly calls: readonly string[] } {
    const { entrypoint = [], command = [] } = service('temporal-setup');
    const [program = '', ...options] = entrypoint;
    const { status } = spawnSync(program, [...options, ...command.map((text) => text.replaceAll('$$', '$'))], {
      env: { PATH: `${directory}:/usr/bin:/bin`, NAMESPACE: 'team', RETENTION: '30d' },
    });
    return { status, calls: readFileSync(join(directory, 'temporal.calls'), 'utf8').trim().split('\n') };
  }

  test('tries again until each step has worked, and registers the attributes that the engine sets', () => {
    const { status, calls } = run();
    expect(status).toBe(0);
    const attributes = SEARCH_ATTRIBUTES.map(({ name, type }) => `--name ${name} --type ${type}`).join(' ');
    expect([...new Set(calls)]).toEqual([
      'operator cluster health',
      'operator namespace describe --namespace team',
      'operator namespace create --namespace team --retention 30d',
      `operator search-attribute create --namespace team ${attributes}`,
    ]);
  });

  test('makes no namespace where there is one', () => {
    rmSync(join(directory, 'temporal.calls'));
    writeFileSync(join(directory, 'temporal'), '#!/bin/sh\necho "$*" >>"$0.calls"\n', { mode: 0o755 });
    const { status, calls } = run();
    expect(status).toBe(0);
    expect(calls).toHaveLength(3);
    expect(calls.filter((call) => call.includes('namespace create'))).toEqual([]);
  });
});

describe.each(DOCKERFILES)('%s', (dockerfile) => {
  const ignored = read('.dockerignore').split('\n');

  test('copies only what is there and not kept out of the build', () => {
    const sources = instructionsOf(dockerfile)
      .filter(({ name, text }) => name === 'COPY' && !text.startsWith('--from='))
      .flatMap(({ text }) => text.split(' ').slice(0, -1));
    expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) {
      expect(existsSync(join(ROOT, source)) ? source : `${source} is not there`).toBe(source);
      expect(ignored).toContain(`!${source.replace(/^\.\//, '').split('/')[0] ?? ''}`);
    }
  });

  test('says which version of its base image', () => {
    const images = instructionsOf(dockerfile).filter(({ name }) => name === 'ARG');
    expect(images.length).toBeGreaterThan(0);
    // With the registry: tools other than Docker know no default one.
    for (const { text } of images)
      expect(text).toMatch(/^[A-Z]+_IMAGE=docker\.io\/library\/\w+:[\w.-]*bookworm[\w.-]*$/);
    const names = images.map(({ text }) => `\${${text.split('=', 1)[0] ?? ''}}`);
    for (const { text } of instructionsOf(dockerfile).filter(({ name }) => name === 'FROM')) {
      expect(names).toContain(text.split(' ')[0]);
    }
  });

  test('does not run as root', () => {
    expect(textOf(dockerfile, 'USER')).toMatch(/^(?!root)[a-z]+$/);
  });

  test('is used by the compose file, as that user', () => {
    const users = services.filter(([, one]) => dockerfileOf(one) === dockerfile).map(([, { user }]) => user);
    expect(new Set(users)).toEqual(new Set([textOf(dockerfile, 'USER')]));
  });
});

describe('the image of the worker', () => {
  test('runs the program that the package installs, as a worker', () => {
    const { bin } = JSON.parse(read('package.json')) as { bin: Record<string, string> };
    expect(JSON.parse(textOf('Dockerfile', 'ENTRYPOINT'))).toEqual(['node', bin['iam-bootstrap']]);
    expect(JSON.parse(textOf('Dockerfile', 'CMD'))).toEqual(['worker']);
    // dist/cli/main.js is src/cli/main.ts, built.
    expect(existsSync(join(ROOT, (bin['iam-bootstrap'] ?? '').replace(/^dist/, 'src').replace(/js$/, 'ts')))).toBe(
      true,
    );
  });

  test('builds with the script of the package', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const runs = instructionsOf('Dockerfile').filter(({ name }) => name === 'RUN');
    expect(runs.map(({ text }) => text.split(' && ')[0])).toContain('npm run build');
    const files = [...(scripts['build'] ?? '').matchAll(/[\w./-]+\.(?:mjs|json)/g)].map(([file]) => file);
    for (const file of files) expect(existsSync(join(ROOT, file)) ? file : `${file} is not there`).toBe(file);
  });

  test('answers for its health at the port that is published', () => {
    const port = /IAM_BOOTSTRAP_HEALTH=0\.0\.0\.0:(\d+)/.exec(textOf('Dockerfile', 'ENV'))?.[1] ?? '';
    expect(textOf('Dockerfile', 'EXPOSE')).toBe(port);
    expect(textOf('Dockerfile', 'HEALTHCHECK')).toContain(`http://127.0.0.1:${port}/health`);
    for (const name of ['worker', 'worker-sandbox']) expect(service(name).ports?.[0]).toMatch(new RegExp(`:${port}$`));
  });

  test.each([
    [200, 0],
    [503, 1],
    [null, 1],
  ])('takes an answer of %p for exit code %p', async (answer, exitCode) => {
    const server = createServer((request, response) => {
      response.writeHead(request.url === '/health' && answer !== null ? answer : 404).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const close = (): Promise<unknown> => new Promise((resolve) => server.close(resolve));
    if (answer === null) await close();

    const check = /CMD (\[.*\])/.exec(textOf('Dockerfile', 'HEALTHCHECK'))?.[1] ?? '[]';
    const [, ...parameters] = (JSON.parse(check) as string[]).map((text) => text.replace(':8080', `:${String(port)}`));
    const { spawn } = await import('node:child_process');
    const status = await new Promise((resolve) => {
      spawn(process.execPath, parameters, { stdio: 'ignore' }).once('exit', resolve);
    });
    expect(status).toBe(exitCode);
    if (answer !== null) await close();
  });
});

/** `docker compose`, or Debian's docker-compose; neither is needed for anything else here. */
const COMPOSE = [['docker', 'compose'], ['docker-compose']].find(
  ([program = '', ...parameters]) => spawnSync(program, [...parameters, 'version']).status === 0,
);

(COMPOSE === undefined ? describe.skip : describe)('docker compose itself (skipped where it is not installed)', () => {
  test.each([[[]], [['--profile', 'aws']], [['--profile', 'sandbox']]])('accepts the file with %p', (profile) => {
    const [program = '', ...parameters] = COMPOSE ?? [];
    const { status, stderr } = spawnSync(
      program,
      [...parameters, '--file', join(ROOT, COMPOSE_FILE), ...profile, 'config', '--quiet'],
      { encoding: 'utf8', cwd: ROOT },
    );
    expect({ status, stderr }).toMatchObject({ status: 0 });
  });
});
