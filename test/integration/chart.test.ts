import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isMap, isScalar, parse, parseAllDocuments, parseDocument, stringify, type YAMLMap } from 'yaml';
import { loadGuardrails } from '../../src/client/guardrails.js';
import { loadConfig } from '../../src/config/config.js';
import { ENVIRONMENT_VARIABLES } from '../../src/config/variables.js';
import { WorkflowType } from '../../src/contract/workflow-ids.js';
import { freePort } from '../../src/embedded/ports.js';
import { sandboxPython } from '../../src/embedded/sandbox.js';
import { startWorld } from '../support/world.js';

const ROOT = join(__dirname, '../..');
const CHART = join(ROOT, 'charts/iam-bootstrap');

type Tree = Readonly<Record<string, unknown>>;

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec: Tree;
  readonly data?: Readonly<Record<string, string>>;
}

interface Container {
  readonly image: string;
  readonly securityContext: Tree;
  readonly env: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: Tree }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly startupProbe: Probe;
  readonly livenessProbe: Probe;
  readonly readinessProbe: Probe;
}

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: string };
}

interface PodSpec {
  readonly automountServiceAccountToken: boolean;
  readonly securityContext: Tree;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly secret?: Tree; readonly emptyDir?: Tree }[];
  readonly hostNetwork?: boolean;
  readonly terminationGracePeriodSeconds: number;
}

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Returns Helm: of the user, or the one that scripts/helm.sh has built. */
function findHelm(): string | undefined {
  const [, version = ''] = /^version=(.*)$/m.exec(read('scripts/helm.sh')) ?? [];
  const built = join(loadConfig().cacheDirectory, 'helm', version, 'helm');
  return [built, 'helm'].find((program) => spawnSync(program, ['version']).status === 0);
}

const HELM = findHelm();
const run = promisify(execFile);
const DEFAULTS = parse(read('charts/iam-bootstrap/values.yaml')) as Tree;
const CASES = ['minimal', 'everything', 'worker-deployment', 'own-connection'] as const;
const valuesOf = (name: string): Tree => parse(read(`charts/iam-bootstrap/ci/${name}-values.yaml`)) as Tree;

const directory = mkdtempSync(join(tmpdir(), 'iam-bootstrap-chart-'));
afterAll(() => {
  rmSync(directory, { recursive: true });
});

let files = 0;

/** Writes a file as Kubernetes mounts it from a secret or a ConfigMap: by two links, and readable by its group. */
function mount(folder: string, name: string, content: string): void {
  mkdirSync(join(folder, '..version-1'), { recursive: true });
  writeFileSync(join(folder, '..version-1', name), content, { mode: 0o440 });
  symlinkSync('..version-1', join(folder, '..data'));
  symlinkSync(`..data/${name}`, join(folder, name));
}

/** Runs Helm with values, and returns what it prints. Rejects with what it complains of. */
async function helm(command: readonly string[], values: Tree): Promise<string> {
  const file = join(directory, `values-${String((files += 1))}.yaml`);
  writeFileSync(file, stringify(values));
  const { stdout } = await run(HELM ?? '', [...command, '--kube-version', '1.31', '--values', file]);
  return stdout;
}

const template = (values: Tree): Promise<string> => helm(['template', 'ci', CHART, '--namespace', 'iam'], values);

async function render(values: Tree): Promise<Manifest[]> {
  return parseAllDocuments(await template(values)).map((document) => document.toJS() as Manifest);
}

/** Returns the paths of all values that have a default: what is not a group of further values. */
function leavesOf(tree: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof tree !== 'object' || tree === null || Array.isArray(tree) || Object.keys(tree).length === 0) return [path];
  return Object.entries(tree).flatMap(([key, value]) => leavesOf(value, [...path, key]));
}

function has(tree: unknown, [key, ...rest]: readonly string[]): boolean {
  if (key === undefined) return true;
  return typeof tree === 'object' && tree !== null && key in tree && has((tree as Tree)[key], rest);
}

/** Returns a tree without the value at a path. */
function without(tree: Tree, [key = '', ...rest]: readonly string[]): Tree {
  if (rest.length > 0) return { ...tree, [key]: without(tree[key] as Tree, rest) };
  return Object.fromEntries(Object.entries(tree).filter(([name]) => name !== key));
}

function podOf(manifest: Manifest): PodSpec | undefined {
  return (manifest.spec as { template?: { spec: PodSpec } } | undefined)?.template?.spec;
}

async function podsOf(name: string): Promise<PodSpec[]> {
  return (await render(valuesOf(name))).flatMap((manifest) => podOf(manifest) ?? []);
}

async function find(name: string, kind: string): Promise<Manifest | undefined> {
  return (await render(valuesOf(name))).find((manifest) => manifest.kind === kind);
}

const each = test.each(CASES.map((name) => [name]));

test('the chart has the version of the package', () => {
  const { version } = JSON.parse(read('package.json')) as { version: string };
  expect(parse(read('charts/iam-bootstrap/Chart.yaml'))).toMatchObject({ version, appVersion: version });
});

describe('the values', () => {
  /** Returns the values without a comment of their own or of a group that they belong to, by name. */
  function uncommented(map: YAMLMap, isCovered: boolean, path: readonly string[]): string[] {
    return map.items.flatMap(({ key, value }, index) => {
      if (!isScalar(key)) return [];
      const name = [...path, String(key.value)];
      // The comment of the first key of a map belongs to the map.
      const comment = key.commentBefore ?? (index === 0 ? map.commentBefore : undefined);
      const covered = isCovered || (comment ?? '').includes('--');
      if (isMap(value) && value.items.length > 0) return uncommented(value, covered, name);
      return covered ? [] : [name.join('.')];
    });
  }

  test('have a comment each, or their group has one', () => {
    const { contents } = parseDocument(read('charts/iam-bootstrap/values.yaml'));
    expect(uncommented(contents as unknown as YAMLMap, false, [])).toEqual([]);
  });

  test('are those of the schema, which knows no others', () => {
    const schema = JSON.parse(read('charts/iam-bootstrap/values.schema.json')) as Tree;
    const compare = (node: Tree, value: unknown, path: string): string[] => {
      if (node['properties'] === undefined || typeof value !== 'object' || value === null) return [];
      const properties = node['properties'] as Readonly<Record<string, Tree>>;
      const optional = path === '' ? ['global'] : path === '.workerDeployment.rollout' ? ['steps'] : [];
      const names = new Set([...Object.keys(properties), ...Object.keys(value)]);
      return [
        ...(node['additionalProperties'] === false ? [] : [`${path} is open`]),
        ...[...names].flatMap((name) => {
          if (optional.includes(name)) return [];
          const [inSchema, inValues] = [properties[name], (value as Tree)[name]];
          if (inSchema === undefined || inValues === undefined) return [`${path}.${name} is in one of both`];
          return compare(inSchema, inValues, `${path}.${name}`);
        }),
      ];
    };
    expect(compare(schema, DEFAULTS, '')).toEqual([]);
  });

  test('are all set in one of the cases', () => {
    const cases = CASES.map(valuesOf);
    expect(leavesOf(DEFAULTS).filter((path) => !cases.some((values) => has(values, path)))).toEqual([]);
  });
});

(HELM === undefined ? describe.skip : describe)('Helm (skipped where neither Helm nor Go is installed)', () => {
  each('lints the chart with the values %s', async (name) => {
    expect(await helm(['lint', '--strict', CHART], valuesOf(name))).toContain('1 chart(s) linted, 0 chart(s) failed');
  });

  test('uses every value: without it, something else is rendered, or it is asked for', async () => {
    const unused: string[] = [];
    for (const name of CASES) {
      const values = valuesOf(name);
      const whole = await template(values);
      const paths = leavesOf(DEFAULTS).filter((path) => has(values, path));
      const changed = await Promise.all(
        paths.map(async (path) => (await template(without(values, path)).catch(() => '')) !== whole),
      );
      unused.push(...paths.filter((_path, index) => !changed[index]).map((path) => `${name}: ${path.join('.')}`));
    }
    expect(unused).toEqual([]);
  });

  test.each<[string, Tree, RegExp]>([
    ['no image', { image: { repository: '' } }, /image\.repository is not set/],
    ['no server', { temporal: { address: '' } }, /temporal\.address is not set/],
    ['a server that is a URL', { temporal: { address: 'https://temporal:7233' } }, /temporal.*address/],
    ['no guardrails, and no word of it', { guardrails: { none: false } }, /there are no guardrails/],
    ['guardrails and none', { guardrails: { content: { version: 1 } } }, /guardrails\.none is true/],
    [
      'guardrails twice',
      { guardrails: { none: false, content: { version: 1 }, existingConfigMap: 'x' } },
      /both set: remove one/,
    ],
    [
      'guardrails without a key',
      { guardrails: { none: false, content: { version: 1 } } },
      /keys\.permit\.existingSecret is not set/,
    ],
    ['a request key alone', { keys: { request: { existingSecret: 'x' } } }, /keys\.permit\.existingSecret is not set/],
    [
      'a role for an account of others',
      { aws: { roleArn: 'arn:aws:iam::111111111111:role/x' }, serviceAccount: { create: false, name: 'x' } },
      /the chart makes no service account/,
    ],
    ['no service account', { serviceAccount: { create: false } }, /serviceAccount\.name is not set/],
    [
      'two proofs for Temporal',
      { temporal: { address: 't:1', tls: { existingSecret: 'cert' }, apiKey: { existingSecret: 'key' } } },
      /both set: remove one/,
    ],
    [
      'autoscaling of builds',
      { workload: 'WorkerDeployment', autoscaling: { enabled: true } },
      /needs workload: Deployment/,
    ],
    [
      'autoscaling with TLS that KEDA does not speak',
      { temporal: { address: 't:1', tls: { enabled: true } }, autoscaling: { enabled: true } },
      /KEDA uses TLS/,
    ],
    ['less at most than at least', { autoscaling: { enabled: true, minReplicas: 9 } }, /minReplicas is greater/],
    [
      'TLS of a Connection that would have none',
      { workload: 'WorkerDeployment', temporal: { address: 't:1', tls: { enabled: true } } },
      /the worker controller uses TLS only with/,
    ],
    [
      'a CA that the worker controller does not read',
      { workload: 'WorkerDeployment', temporal: { address: 't:1', tls: { existingCaSecret: 'ca' } } },
      /existingCaSecret needs temporal\.tls\.existingSecret/,
    ],
    [
      'autoscaling with a CA of its own, that KEDA does not have',
      { temporal: { address: 't:1', tls: { existingCaSecret: 'ca' } }, autoscaling: { enabled: true } },
      /KEDA uses TLS/,
    ],
    [
      'access keys that would hide the role',
      { aws: { roleArn: 'arn:aws:iam::111111111111:role/x', existingSecret: 'keys' } },
      /aws\.roleArn and aws\.existingSecret are both set/,
    ],
    [
      'a connection beside one that exists',
      { workload: 'WorkerDeployment', workerDeployment: { connection: 'x' } },
      /which would be ignored/,
    ],
    [
      'a network policy that would guess the port of Temporal',
      {
        workload: 'WorkerDeployment',
        workerDeployment: { connection: 'x' },
        temporal: { address: '' },
        networkPolicy: { enabled: true },
      },
      /networkPolicy\.temporalPort is not set/,
    ],
    ['steps that are none', { workerDeployment: { rollout: { strategy: 'Progressive' } } }, /Progressive needs steps/],
    ['a budget that lets nothing go', { podDisruptionBudget: { maxUnavailable: '0%' } }, /maxUnavailable/],
    ['a peer that is none', { networkPolicy: { dnsTo: [{ cidr: '10.0.0.0/8' }] } }, /dnsTo/],
    ['a gate of another workflow', { workerDeployment: { rollout: { strategy: 'Manual', gate: {} } } }, /gate/],
    ['a value that is not known', { replicaCount: 3 }, /replicaCount/],
    ['a secret among the values', { keys: { permit: { value: 'x' } } }, /keys.*permit/],
    ['a grace period below that of the worker', { terminationGracePeriodSeconds: 30 }, /terminationGracePeriodSeconds/],
  ])('refuses %s', async (_title, values, message) => {
    const minimal = valuesOf('minimal');
    const merged = Object.fromEntries(
      Object.keys({ ...minimal, ...values }).map((key) => {
        const [mine, theirs] = [minimal[key], values[key]];
        return [key, typeof theirs === 'object' ? { ...(mine as Tree | undefined), ...theirs } : (theirs ?? mine)];
      }),
    );
    await expect(template(merged)).rejects.toThrow(message);
  });
});

(HELM === undefined ? describe.skip : describe)(
  'what is rendered (skipped where neither Helm nor Go is installed)',
  () => {
    test('is valid by the schemas of Kubernetes, in the oldest version that the chart takes and a new one', async () => {
      const python = await sandboxPython({ requirementsFile: join(ROOT, 'charts/requirements.txt') });
      const own = /^(apps|policy|networking\.k8s\.io)\/v1$|^v1$/;
      const manifests = (await Promise.all(CASES.map((name) => render(valuesOf(name))))).flat();
      const file = join(directory, 'manifests.yaml');
      writeFileSync(
        file,
        manifests
          .filter(({ apiVersion }) => own.test(apiVersion))
          // The pods of a WorkerDeployment, as those of the Deployments that its controller makes.
          .concat(
            manifests
              .filter(({ kind }) => kind === 'WorkerDeployment')
              .map(({ metadata, spec: { template: pod } }) => ({
                apiVersion: 'apps/v1',
                kind: 'Deployment',
                metadata,
                spec: { selector: { matchLabels: {} }, template: pod },
              })),
          )
          .map((manifest) => stringify(manifest))
          .join('---\n'),
      );
      const [, oldest = ''] = /kubeVersion: '>=(\d+\.\d+)/.exec(read('charts/iam-bootstrap/Chart.yaml')) ?? [];
      const versions = ['--kubernetes-version', oldest, '--kubernetes-version', '1.34'];
      const { stdout } = await run(python, ['-m', 'kubernetes_validate', '--strict', ...versions, file]);
      expect(stdout.match(/passed|valid/gi)?.length).toBeGreaterThan(10);
      // The check can fail.
      writeFileSync(file, read('deploy/kubernetes/iam-bootstrap.yaml').replace('  containers:', '  container:'));
      await expect(run(python, ['-m', 'kubernetes_validate', '--strict', ...versions, file])).rejects.toThrow();
    });

    each(
      '%s has no secret, and nothing runs as root, writes to its image or has a token of Kubernetes',
      async (name) => {
        const manifests = await render(valuesOf(name));
        const pods = manifests.flatMap((manifest) => podOf(manifest) ?? []);
        expect(pods).toHaveLength(1);
        expect(manifests.map(({ kind }) => kind)).not.toContain('Secret');
        for (const { kind, metadata } of manifests) expect([kind, metadata.namespace]).toEqual([kind, 'iam']);
        for (const pod of pods) {
          expect(pod).toMatchObject({
            automountServiceAccountToken: false,
            securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
          });
          expect(pod.securityContext['runAsUser']).not.toBe(0);
          expect(Object.keys(pod).filter((key) => key.startsWith('host'))).toEqual([]);
          for (const container of [...pod.containers, ...(pod.initContainers ?? [])]) {
            expect(container).toMatchObject({
              securityContext: {
                allowPrivilegeEscalation: false,
                privileged: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ['ALL'] },
              },
              resources: {
                requests: { cpu: expect.any(String) as string },
                limits: { memory: expect.any(String) as string },
              },
            });
            expect(container.image).toMatch(/(@sha256:[0-9a-f]{64}|:(?!latest$)[\w.-]+)$/);
            const secrets = container.env.filter(({ name: variable }) =>
              /SECRET|API_KEY|ACCESS_KEY|TOKEN/.test(variable),
            );
            for (const { name: variable, value } of secrets) {
              if (variable !== 'IAM_BOOTSTRAP_SECRETS') expect([variable, value]).toEqual([variable, undefined]);
            }
          }
        }
      },
    );

    each('%s sets only variables that the worker reads, and names only files that are mounted', async (name) => {
      const known = new Set(ENVIRONMENT_VARIABLES.flatMap(({ names }) => names));
      // Named in the text of its row.
      known.add('TEMPORAL_TLS_CLIENT_KEY_PATH');
      for (const { containers, volumes } of await podsOf(name)) {
        for (const { env, volumeMounts } of containers) {
          expect(env.map((variable) => variable.name).filter((variable) => !known.has(variable))).toEqual([]);
          expect(new Set(env.map((variable) => variable.name)).size).toBe(env.length);
          const paths = env.flatMap(({ value = '' }) => (value.startsWith('/') ? [value] : []));
          const isMounted = (path: string): boolean =>
            volumeMounts.some(({ mountPath }) => `${path}/`.startsWith(`${mountPath}/`));
          expect(paths.filter((path) => !isMounted(path))).toEqual([]);
          expect(volumeMounts.map((mount) => mount.name).sort()).toEqual(volumes.map((volume) => volume.name).sort());
        }
      }
    });

    each('%s asks the paths that a worker answers, and waits longer than the worker finishes', async (name) => {
      const [, grace = ''] = /SHUTDOWN_GRACE = '(\d+)s'/.exec(read('src/worker.ts')) ?? [];
      for (const pod of await podsOf(name)) {
        expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(grace) + 5);
        for (const { startupProbe, livenessProbe, readinessProbe, env, ports } of pod.containers) {
          const probes = [startupProbe, livenessProbe, readinessProbe];
          expect(probes.map((probe) => probe.httpGet.path)).toEqual(['/livez', '/livez', '/readyz']);
          for (const { httpGet } of probes) {
            expect(read('src/observability/health.ts')).toContain(`'${httpGet.path}':`);
          }
          const served = env.filter(({ name: variable }) => /^IAM_BOOTSTRAP_(HEALTH|METRICS)$/.test(variable));
          expect(served.map(({ value = '' }) => Number(value.split(':').at(-1)))).toEqual(
            ports.map(({ containerPort }) => containerPort),
          );
        }
      }
    });

    test('mounts the API key of Temporal as a file, so that a new one needs no restart', async () => {
      const temporal = { address: 't:1', apiKey: { existingSecret: 'cloud', key: 'token' } };
      const manifests = await render({ ...valuesOf('minimal'), temporal });
      const [pod] = manifests.flatMap((manifest) => podOf(manifest) ?? []);
      const path = '/etc/iam-bootstrap/temporal-api-key/token';
      expect(pod?.containers[0]?.env).toContainEqual({ name: 'IAM_BOOTSTRAP_TEMPORAL_API_KEY_FILE', value: path });
      expect(pod?.containers[0]?.env.map(({ name }) => name)).not.toContain('TEMPORAL_API_KEY');
      expect(pod?.volumes.find(({ name }) => name === 'temporal-api-key')?.secret).toMatchObject({
        secretName: 'cloud',
        items: [{ key: 'token', path: 'token' }],
      });
    });

    test('has the guardrails as they were given, and a worker takes them', async () => {
      const map = await find('everything', 'ConfigMap');
      const text = map?.data?.['guardrails.yaml'] ?? '';
      expect(parse(text)).toEqual((valuesOf('everything')['guardrails'] as Tree)['content']);
      const file = join(directory, 'guardrails.yaml');
      writeFileSync(file, text);
      expect(loadGuardrails(file)).toMatchObject({ ok: true });
    });

    test('selects the pods of the worker in the budget, the network policy, the monitor and the spread', async () => {
      const manifests = await render(valuesOf('everything'));
      const labels = { 'app.kubernetes.io/name': 'iam-bootstrap', 'app.kubernetes.io/instance': 'ci' };
      const specOf = (kind: string): Tree | undefined => manifests.find((manifest) => manifest.kind === kind)?.spec;
      for (const kind of ['PodDisruptionBudget', 'PodMonitor', 'Deployment']) {
        expect([kind, specOf(kind)?.['selector']]).toEqual([kind, { matchLabels: labels }]);
      }
      expect(specOf('NetworkPolicy')?.['podSelector']).toEqual({ matchLabels: labels });
      expect(specOf('Deployment')?.['template']).toMatchObject({
        metadata: { labels: { ...labels, team: 'platform' }, annotations: { 'example.com/team': 'platform' } },
        spec: { topologySpreadConstraints: [{ labelSelector: { matchLabels: labels }, maxSkew: 2 }] },
      });
      expect(specOf('Deployment')).not.toHaveProperty('replicas');
    });

    test('quotes names that YAML would take for numbers, and has a version label that Kubernetes takes', async () => {
      const manifests = await render({
        ...valuesOf('minimal'),
        image: { repository: 'registry.example.com/iam-bootstrap', tag: 'v1-' },
        imagePullSecrets: ['1234'],
        aws: { existingSecret: '5678' },
        priorityClassName: 'true',
        topologySpreadConstraints: [
          {
            maxSkew: 1,
            topologyKey: 'a',
            whenUnsatisfiable: 'DoNotSchedule',
            labelSelector: { matchLabels: { x: 'team' } },
          },
          { maxSkew: 1, topologyKey: 'b', whenUnsatisfiable: 'DoNotSchedule' },
        ],
      });
      const deployment = manifests.find(({ kind }) => kind === 'Deployment');
      expect(deployment?.metadata).toMatchObject({ labels: { 'app.kubernetes.io/version': 'v1' } });
      expect(deployment?.spec['template']).toMatchObject({
        spec: { imagePullSecrets: [{ name: '1234' }], priorityClassName: 'true' },
      });
      const [pod] = manifests.flatMap((manifest) => podOf(manifest) ?? []);
      expect(pod?.containers[0]?.env.find(({ name }) => name === 'AWS_ACCESS_KEY_ID')?.valueFrom).toEqual({
        secretKeyRef: { name: '5678', key: 'AWS_ACCESS_KEY_ID' },
      });
      // What one constraint adds to its selector is not in the next.
      const labels = { 'app.kubernetes.io/name': 'iam-bootstrap', 'app.kubernetes.io/instance': 'ci' };
      expect((pod as unknown as Tree)['topologySpreadConstraints']).toMatchObject([
        { labelSelector: { matchLabels: { ...labels, x: 'team' } } },
        { labelSelector: { matchLabels: labels } },
      ]);
      expect(JSON.stringify((pod as unknown as Tree)['topologySpreadConstraints']).match(/"x"/g)).toHaveLength(1);
    });

    test('lets nobody read metrics where the network policy names nobody, and names ports by number', async () => {
      const policy = await find('own-connection', 'NetworkPolicy');
      expect(policy?.spec['ingress']).toEqual([{ ports: [{ port: 8080, protocol: 'TCP' }] }]);
      expect(policy?.spec['egress']).toContainEqual({ ports: [{ port: 7234, protocol: 'TCP' }] });
    });

    test('asks for DNS and Temporal everywhere, and only where the network policy names peers', async () => {
      const dns = [53, 5353].flatMap((port) => [
        { port, protocol: 'UDP' },
        { port, protocol: 'TCP' },
      ]);
      const open = await find('own-connection', 'NetworkPolicy');
      expect((open?.spec['egress'] as readonly Tree[])[0]).toEqual({ ports: dns });
      const narrow = await find('everything', 'NetworkPolicy');
      expect(narrow?.spec['egress']).toEqual([
        {
          ports: dns,
          to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
        },
        { ports: [{ port: 7243, protocol: 'TCP' }], to: [{ ipBlock: { cidr: '10.1.0.0/16' } }] },
        { ports: [{ port: 443, protocol: 'TCP' }], to: [{ ipBlock: { cidr: '10.0.0.0/8' } }] },
      ]);
    });

    test("runs as the image's user, as the one of the values, or as the one that the cluster assigns", async () => {
      const always = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } };
      const contextOf = async (name: string): Promise<Tree | undefined> => (await podsOf(name))[0]?.securityContext;
      expect(await contextOf('minimal')).toEqual({ ...always, runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 });
      expect(await contextOf('everything')).toEqual({
        ...always,
        runAsUser: 2000,
        runAsGroup: 2001,
        fsGroup: 2002,
        fsGroupChangePolicy: 'OnRootMismatch',
      });
      expect(await contextOf('own-connection')).toEqual(always);
    });

    test('adds to the security context of the container what the values have, and changes nothing else', async () => {
      const contextWith = async (securityContext: Tree): Promise<Tree | undefined> =>
        (await render({ ...valuesOf('minimal'), securityContext })).flatMap(
          (manifest) => podOf(manifest)?.containers ?? [],
        )[0]?.securityContext;
      const always = {
        allowPrivilegeEscalation: false,
        privileged: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      };
      expect(await contextWith({ runAsUser: 1000650000 })).toEqual({ ...always, runAsUser: 1000650000 });
      expect(await contextWith({ readOnlyRootFilesystem: false })).toEqual({
        ...always,
        readOnlyRootFilesystem: false,
      });
    });

    test.each(['everything', 'worker-deployment'])(
      'starts new pods of %s for other guardrails, which older pods read from the same ConfigMap',
      async (name) => {
        const podWith = async (content: Tree): Promise<{ readonly annotation: string; readonly map: unknown }> => {
          const values = { ...valuesOf(name), guardrails: { content } };
          const manifests = await render(values);
          const [pod] = manifests.flatMap((manifest) => podOf(manifest) ?? []);
          const map = manifests.find(({ kind }) => kind === 'ConfigMap')?.metadata.name;
          const volume = pod?.volumes.find((one) => one.name === 'guardrails') as Tree | undefined;
          expect(volume?.['configMap']).toEqual({ name: map });
          const metadata = manifests.flatMap(
            ({ spec }) =>
              (spec as { template?: { metadata: { annotations: Tree } } } | undefined)?.template?.metadata ?? [],
          )[0];
          return { annotation: String(metadata?.annotations['checksum/guardrails']), map };
        };
        const first = await podWith({ version: 1, trust: { denyAnyone: true } });
        expect(first.annotation).toMatch(/^[0-9a-f]{64}$/);
        expect(await podWith({ trust: { denyAnyone: true }, version: 1 })).toEqual(first);
        const second = await podWith({ version: 1, trust: { denyAnyone: false } });
        expect(second.annotation).not.toBe(first.annotation);
        expect(second.map).toBe(first.map);
      },
    );

    test('scales by the backlog of the task queue, with the certificate of the worker', async () => {
      const auth = await find('everything', 'TriggerAuthentication');
      expect(auth?.spec).toEqual({
        secretTargetRef: [
          { parameter: 'cert', name: 'temporal-client', key: 'tls.crt' },
          { parameter: 'key', name: 'temporal-client', key: 'tls.key' },
          { parameter: 'ca', name: 'temporal-ca', key: 'ca.crt' },
        ],
      });
      const scaled = await find('everything', 'ScaledObject');
      expect(scaled?.spec).toEqual({
        scaleTargetRef: { name: 'platform-iam' },
        minReplicaCount: 3,
        maxReplicaCount: 9,
        advanced: { horizontalPodAutoscalerConfig: { behavior: { scaleDown: { stabilizationWindowSeconds: 120 } } } },
        triggers: [
          {
            type: 'temporal',
            metadata: {
              endpoint: 'team.a1b2c.tmprl.cloud:7243',
              namespace: 'team.a1b2c',
              taskQueue: 'platform',
              queueTypes: 'workflow,activity',
              targetQueueSize: '10',
              tlsServerName: 'team.a1b2c.tmprl.cloud',
            },
            authenticationRef: { name: 'platform-iam' },
          },
        ],
      });
    });

    test('leaves the connection and the build of a WorkerDeployment to its controller', async () => {
      const connection = await find('worker-deployment', 'Connection');
      expect(connection?.spec).toEqual({
        hostPort: 'eu-west-1.aws.api.temporal.io:7233',
        tls: { serverName: 'eu-west-1.aws.api.temporal.io' },
        apiKeySecretRef: { name: 'temporal-api-key', key: 'key' },
      });
      const deployment = await find('worker-deployment', 'WorkerDeployment');
      expect(deployment).toMatchObject({
        apiVersion: 'temporal.io/v1alpha1',
        spec: {
          replicas: 3,
          workerOptions: { connectionRef: { name: 'ci' }, temporalNamespace: 'team.a1b2c' },
          rollout: { strategy: 'Progressive', steps: [{ rampPercentage: 10, pauseDuration: '5m' }] },
          sunset: { scaledownDelay: '30m', deleteDelay: '2h' },
        },
      });
      // The controller adds these to each container, so that they must not be there twice.
      const [pod] = await podsOf('worker-deployment');
      const names = pod?.containers[0]?.env.map(({ name }) => name) ?? [];
      expect(names.filter((name) => /^TEMPORAL_|_DEPLOYMENT$|_BUILD_ID$/.test(name))).toEqual([]);
      expect(await find('own-connection', 'Connection')).toBeUndefined();
      expect(await find('own-connection', 'WorkerDeployment')).toMatchObject({
        spec: { workerOptions: { connectionRef: { name: 'temporal' } } },
      });
    });

    test('has a WorkerDeployment start a workflow on a new build that its workers know, unless the gate is off', async () => {
      const rolloutOf = async (name: string): Promise<unknown> =>
        (await find(name, 'WorkerDeployment'))?.spec['rollout'];
      expect(await rolloutOf('own-connection')).toEqual({
        strategy: 'AllAtOnce',
        gate: { workflowType: WorkflowType.WorkerGate },
      });
      expect(await rolloutOf('worker-deployment')).not.toHaveProperty('gate');
    });

    test('starts a worker that becomes ready, with the files as Kubernetes mounts them, and that ends when it is asked to', async () => {
      const { guardrails, keys } = valuesOf('everything') as Readonly<Record<string, Tree>>;
      const manifests = await render({ ...valuesOf('minimal'), guardrails, keys });
      const [container] = manifests.flatMap((manifest) => podOf(manifest)?.containers ?? []);
      const mounts = join(directory, 'mounts');
      const key = randomBytes(32).toString('base64');
      mount(
        join(mounts, 'guardrails'),
        'guardrails.yaml',
        manifests.find(({ data }) => data)?.data?.['guardrails.yaml'] ?? '',
      );
      mount(join(mounts, 'permit'), 'permit', key);
      mount(join(mounts, 'request'), 'request', key);
      mount(join(mounts, 'encryption'), 'keys', `key-1: ${key}`);
      const world = await startWorld({ replay: { notBecause: 'nothing is run' } });
      try {
        const [health, metrics] = [await freePort(), await freePort()].map((port) => `127.0.0.1:${String(port)}`);
        const here: Readonly<Record<string, string | undefined>> = {
          TEMPORAL_ADDRESS: world.env['TEMPORAL_ADDRESS'],
          IAM_BOOTSTRAP_HEALTH: health,
          IAM_BOOTSTRAP_METRICS: metrics,
        };
        const env = (container?.env ?? []).map(({ name, value = '' }) => [
          name,
          here[name] ?? value.replace(/^\/etc\/iam-bootstrap/, mounts),
        ]);
        const worker = world.spawnCli(['worker'], Object.fromEntries(env) as Record<string, string>);
        const ended = once(worker, 'exit');
        let log = '';
        worker.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
        const ask = (path: string): Promise<number> =>
          fetch(`http://${health ?? ''}${path}`).then(
            ({ status }) => status,
            () => 0,
          );
        const { path: ready = '' } = container?.readinessProbe.httpGet ?? {};
        const { path: live = '' } = container?.livenessProbe.httpGet ?? {};
        while (worker.exitCode === null && (await ask(ready)) !== 200) await pause(100);
        expect([worker.exitCode, await ask(live)]).toEqual([null, 200]);
        expect((await fetch(`http://${metrics ?? ''}/metrics`)).status).toBe(200);
        expect(log).toContain('Guardrails in force');
        worker.kill('SIGTERM');
        expect(await ended).toEqual([0, null]);
      } finally {
        await world.stop();
      }
    });

    test('is what deploy/kubernetes has (UPDATE_GOLDEN=1 writes it)', async () => {
      const values = parse(read('deploy/kubernetes/values.yaml')) as Tree;
      const rendered = await helm(['template', 'iam-bootstrap', CHART, '--namespace', 'iam-bootstrap'], values);
      const text = rendered
        .split('\n')
        .filter((line) => !/^# Source: |^ *helm\.sh\/chart: |^ *app\.kubernetes\.io\/managed-by: /.test(line))
        .join('\n');
      const file = 'deploy/kubernetes/iam-bootstrap.yaml';
      const header =
        '# Made by the chart from values.yaml beside this file: change that, or the chart (docs/kubernetes.md).\n';
      if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(join(ROOT, file), header + text);
      expect(existsSync(join(ROOT, file)) ? read(file) : '').toBe(header + text);
    });

    test('is what the commands of docs/kubernetes.md say, as far as they need no cluster', async () => {
      const page = read('docs/kubernetes.md').replaceAll(/^ {3}/gm, '');
      const [, values = ''] = /^```yaml\n# values\.yaml\n([^`]*)```/m.exec(page) ?? [];
      const file = join(directory, 'page-values.yaml');
      writeFileSync(file, values);
      const commands = [...page.matchAll(/^helm upgrade --install (.*)$/gm)];
      expect(commands.length).toBeGreaterThan(0);
      for (const [, parameters = ''] of commands) {
        const given = parameters.split(' ').map((word) => (word === 'values.yaml' ? file : word));
        const { stdout } = await run(HELM ?? '', ['template', ...given, '--kube-version', '1.31'], { cwd: ROOT });
        expect(stdout).toContain('kind: Deployment');
      }
    });
  },
);
