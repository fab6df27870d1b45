import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, validate } from '../../src/client/index.js';
import type { Json, JsonObject } from '../../src/contract/entity.js';
import { pathText } from '../../src/engine/manifest/problem.js';
import { KINDS } from '../../src/kinds/index.js';
import type { Kind } from '../../src/kinds/kind.js';
import { ServiceModel, fixtureOf, samplesOf } from '../kinds/service-model.js';
import { ACCOUNT } from '../support/kind-fixtures/index.js';
import { allowing, manifestOf } from '../support/manifests-of.js';
import { iamClient, startSandbox } from '../support/sandbox.js';
import type { TestSandbox } from '../support/sandbox.js';
import { runCli } from '../support/world.js';

/**
 * Manifests in which one thing is wrong: each bound of AWS's service model broken, property by property and kind by
 * kind, and what is wrong whatever the model says. Sound entities stand around it.
 */

jest.setTimeout(300_000);

/** An entity that is wrong in one place. */
interface Malformed {
  readonly what: string;
  readonly entity: JsonObject;
  /** Of the value that is wrong, in the entity. */
  readonly at: readonly (string | number)[];
  /** Where an editor is sent: to the value, to its key, or to the entity where a property is missing. */
  readonly place: 'value' | 'key' | 'entity';
}

/** Characters of an entity that is tried in a file of its own, and of one that shares the file with all others. */
const Longest = { alone: 200_000, among: 20_000 };

const BEFORE: readonly JsonObject[] = [
  { kind: 'Group', groupName: 'before', path: '/sound/' },
  { kind: 'User', userName: 'robot', tags: { team: 'platform' } },
];
const AFTER: readonly JsonObject[] = [
  { kind: 'Policy', policyName: 'after', policyDocument: allowing('s3:ListBucket') },
];

let model: ServiceModel;
let sandbox: TestSandbox;
let folder: string;
/** By kind. */
const tried = new Map<string, number>();

beforeAll(async () => {
  [model, sandbox, folder] = await Promise.all([
    ServiceModel.load(),
    startSandbox(),
    mkdtemp(join(tmpdir(), 'iam-bootstrap-malformed-')),
  ]);
  process.env['AWS_ENDPOINT_URL_IAM'] = sandbox.url;
  process.env['AWS_ENDPOINT_URL_STS'] = sandbox.url;
});

afterAll(async () => {
  await sandbox.stop();
  await rm(folder, { recursive: true, force: true });
});

/** What the model refuses of each property. */
function overTheBounds(kind: Kind): Malformed[] {
  return Object.keys(kind.schema.shape).flatMap((property) =>
    samplesOf(model, kind, property)
      .filter(({ admitted, value }) => !admitted && sizeOf(value) <= Longest.alone)
      .map(({ what, value, at, isKey }) => ({
        what: `${property}: ${what}`,
        entity: { kind: kind.name, ...fixtureOf(kind).full, [property]: value },
        // Inline policies have a limit together.
        at: property === 'inlinePolicies' && what.endsWith(' characters') && !isKey ? [property] : [property, ...at],
        place: isKey ? ('key' as const) : ('value' as const),
      })),
  );
}

function sizeOf(value: Json): number {
  return JSON.stringify(value).length;
}

/** What is wrong by its structure. */
function misshapen(kind: Kind): Malformed[] {
  const { minimal, full } = fixtureOf(kind);
  const shape: Readonly<Record<string, { readonly safeParse: (value: unknown) => { success: boolean } }>> =
    kind.schema.shape;
  const properties = Object.entries(shape);
  const wrong = ([property, field]: (typeof properties)[number]): Malformed[] =>
    [...otherTypes(full[property] ?? null), null]
      .filter((value) => !field.safeParse(value).success)
      .map((value) => ({
        what: `${property}: ${JSON.stringify(value)}`,
        entity: { kind: kind.name, ...full, [property]: value },
        at: [property],
        place: 'value',
      }));
  const missing = Object.keys(minimal)
    .filter((property) => shape[property]?.safeParse(undefined).success === false)
    .map((property): Malformed => ({
      what: `${property}: missing`,
      entity: {
        kind: kind.name,
        ...Object.fromEntries(Object.entries(full).filter(([name]) => name !== property)),
      },
      at: [property],
      place: 'entity',
    }));
  const unknown = ['colour', 'Path', 'arn'].map((property): Malformed => ({
    what: `${property}: unknown`,
    entity: { kind: kind.name, [property]: 'red', ...full },
    at: [property],
    place: 'key',
  }));
  return [...properties.flatMap(wrong), ...missing, ...unknown];
}

/** Values of other types than a sound one. */
function otherTypes(sound: Json): Json[] {
  const others: readonly Json[] = ['text', 7, true, ['text'], { key: 'text' }];
  return others.filter((value) => typeOf(value) !== typeOf(sound));
}

function typeOf(value: Json): string {
  return Array.isArray(value) ? 'list' : typeof value;
}

interface Place {
  readonly line: number;
  readonly column: number;
}

/** Writes YAML, and notes where each value and each key is put. */
class Writer {
  text = '';
  readonly values = new Map<string, Place>();
  readonly keys = new Map<string, Place>();
  #line = 1;
  #column = 1;

  constructor(value: Json, isFlow: (path: string) => boolean) {
    this.#write(value, [], isFlow, false);
    this.#put('\n');
  }

  #put(text: string): void {
    this.text += text;
    const lines = text.split('\n');
    this.#line += lines.length - 1;
    this.#column = (lines.length > 1 ? 1 : this.#column) + (lines.at(-1) ?? '').length;
  }

  #write(value: Json, path: readonly (string | number)[], isFlow: (path: string) => boolean, within: boolean): void {
    const at = pathText(path);
    const entries: [string | number, Json][] | null = Array.isArray(value)
      ? value.map((item: Json, index): [number, Json] => [index, item])
      : typeof value === 'object' && value !== null
        ? Object.entries(value as JsonObject)
        : null;
    const flow = within || isFlow(at) || entries === null || entries.length === 0;
    const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
    if (flow) this.#note(this.values, at);
    if (entries === null) {
      this.#put(JSON.stringify(value));
      return;
    }
    if (flow) this.#put(open);
    // A list of maps has the first key of each beside the dash.
    const indent = '  '.repeat(path.length);
    const beside = typeof path.at(-1) === 'number';
    for (const [index, [key, content]] of entries.entries()) {
      if (flow) this.#put(index === 0 ? ' ' : ', ');
      else if (path.length > 0 && !(index === 0 && beside)) this.#put(`\n${indent}`);
      else if (index > 0) this.#put('\n');
      if (!flow && index === 0) this.#note(this.values, at);
      const inner = [...path, key];
      if (typeof key === 'string') {
        this.#note(this.keys, pathText(inner));
        this.#put(`${/^[a-z]\w*$/i.test(key) ? key : JSON.stringify(key)}: `);
      } else if (!flow) this.#put('- ');
      this.#write(content, inner, isFlow, flow);
    }
    if (flow) this.#put(` ${close}`);
  }

  #note(places: Map<string, Place>, path: string): void {
    places.set(path, { line: this.#line, column: this.#column });
  }
}

/** A manifest of entities, each in several lines or in one. */
function written(entities: readonly JsonObject[], isFlow: (index: number) => boolean): Writer {
  return new Writer(manifestOf({ namespace: 'malformed', account: ACCOUNT, entities }), (path) => {
    const index = /^entities\[(\d+)\]$/.exec(path)?.[1];
    return index !== undefined && isFlow(Number(index));
  });
}

/** Where the problem is to be shown. */
function expected(writer: Writer, index: number, { at, place }: Malformed): Place & { readonly path: string } {
  const entity = pathText(['entities', index]);
  const path = pathText(['entities', index, ...at]);
  const found =
    place === 'entity' ? writer.values.get(entity) : (place === 'key' ? writer.keys : writer.values).get(path);
  if (found === undefined) throw new Error(`${path} was not written`);
  return { ...found, path };
}

async function problemsIn(name: string, text: string): ReturnType<typeof validate> {
  await writeFile(join(folder, name), text);
  const pipeline = { provider: 'local', url: null, commit: null, actor: null };
  return validate([name], { variables: {}, pipeline, cwd: folder });
}

function malformed(kind: Kind): Malformed[] {
  return [...overTheBounds(kind), ...misshapen(kind)];
}

test('what stands around is sound', async () => {
  const { text } = written([...BEFORE, ...AFTER], (index) => index === 1);
  expect(await problemsIn('sound.yaml', text)).toMatchObject({ ok: true, problems: [] });
});

test.each(KINDS.map((kind) => [kind.name, kind] as const))(
  '%s: whatever is broken in it is refused at its place, and nothing around it',
  async (name, kind) => {
    const wrong: string[] = [];
    const cases = malformed(kind);
    for (const [number, one] of cases.entries()) {
      const index = BEFORE.length;
      const writer = written([...BEFORE, one.entity, ...AFTER], (at) => at === index && number % 2 === 1);
      const { ok, problems } = await problemsIn('m.yaml', writer.text);
      const { line, column, path } = expected(writer, index, one);
      const property = pathText(['entities', index, one.at[0] ?? '']);
      const isThere = problems.some(
        (problem) =>
          problem.file === 'm.yaml' &&
          problem.line === line &&
          problem.column === column &&
          problem.path === path &&
          problem.message !== '' &&
          problem.remedy !== '',
      );
      const isElsewhere = problems.some((problem) => !problem.path.startsWith(property));
      if (ok || !isThere || isElsewhere) {
        const found = problems.map(
          (problem) => `${problem.path} ${String(problem.line)}:${String(problem.column)} ${problem.message}`,
        );
        wrong.push(`${one.what}: expected ${path} ${String(line)}:${String(column)}, found ${found.join('; ')}`);
      }
    }
    tried.set(name, cases.length);
    expect(wrong).toEqual([]);
  },
);

test('two entities that would store their secrets in one location are refused at the second one, whatever their kinds', async () => {
  const secret = { file: 'bot.json' };
  const { text } = written(
    [
      { kind: 'AccessKey', userName: 'bot', secret },
      { kind: 'AccessKey', userName: 'bat', secret: { file: 'bat.json' } },
      { kind: 'LoginProfile', userName: 'bot', secret },
    ],
    () => false,
  );
  const { problems } = await problemsIn('one-place.yaml', text);
  expect(problems.map(({ path, message, remedy }) => [path, message, remedy])).toEqual([
    [
      'entities[2].secret',
      expect.stringMatching(/^the secret of LoginProfile\/bot has the same location as that of AccessKey\/bot at /),
      'give each its own location',
    ],
  ]);
});

test('there were at least two hundred of them, of every kind', () => {
  expect([...tried.keys()]).toEqual(KINDS.map(({ name }) => name));
  expect([...tried.values()].every((count) => count > 0)).toBe(true);
  expect([...tried.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(200);
});

test('the command line shows all of them at once, each at its place, and ends with 64', async () => {
  const cases = KINDS.flatMap(malformed).filter(({ entity }) => sizeOf(entity) <= Longest.among);
  expect(cases.length).toBeGreaterThan(200);
  const writer = written(
    cases.map(({ entity }) => entity),
    (index) => index % 2 === 1,
  );
  const path = join(folder, 'many.yaml');
  await writeFile(path, writer.text);
  const { code, stdout, stderr } = await runCli(['validate', '-f', path], {
    PATH: loadConfig().environment['PATH'] ?? '',
    HOME: folder,
    AWS_ENDPOINT_URL_IAM: sandbox.url,
    AWS_ENDPOINT_URL_STS: sandbox.url,
    NO_COLOR: '1',
  });
  expect([code, stdout]).toEqual([64, '']);
  const shown = new Set(stderr.split('\n').flatMap((text) => /^error: \S+?:(\d+:\d+):/.exec(text)?.[1] ?? []));
  const missed = cases.filter((one, index) => {
    const { line, column } = expected(writer, index, one);
    return !shown.has(`${String(line)}:${String(column)}`);
  });
  expect(missed.map(({ what }) => what)).toEqual([]);
  expect(stderr).toContain('Nothing was sent to Temporal or AWS.');
});

test('and IAM was asked nothing', async () => {
  expect(await sandbox.journal()).toEqual([]);
  await iamClient(sandbox.url).listRoles({});
  expect((await sandbox.journal()).map(({ action }) => action)).toEqual(['ListRoles']);
});
