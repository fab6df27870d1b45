import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { createSecretStore, SecretLocationError } from '../../../../src/aws/secret-store.js';
import { loadRequest } from '../../../../src/client/request.js';
import type { LoadedRequest, RequestOptions } from '../../../../src/client/request.js';
import type { Json, JsonObject } from '../../../../src/contract/entity.js';
import { resolveManifest } from '../../../../src/engine/manifest/resolve.js';
import type { Problem } from '../../../../src/engine/manifest/resolve.js';
import { checkRequest } from '../../../../src/engine/request.js';
import { KINDS } from '../../../../src/kinds/index.js';
import { ACCOUNT, KIND_FIXTURES } from '../../../support/kind-fixtures/index.js';
import { allowing, manifestOf, role } from '../../../support/manifests-of.js';
import { HEAD, malformedManifests, manifestOptions, validManifest } from '../../../support/manifests.js';
import { LONG_FORM, record, Tally } from '../../../support/trials.js';

/**
 * Manifests that are broken or hostile. For any input, the result is a request that a worker accepts, or
 * problems with position and remedy. Nothing is thrown or polluted, and no connection is opened.
 */

jest.setTimeout(600_000);

/** The same cases in each short run; others each time in the long one, where a failure prints its seed. */
function form<T>(numRuns: number): fc.Parameters<T> {
  if (!LONG_FORM) return { seed: 20_260_101, numRuns };
  return { plugins: [fc.interruptAfterTimeLimit(40_000) as fc.Plugin<T>], numRuns: 1_000_000 };
}

/** Processor time of a case. A case above it has found something that grows faster than its input. */
const MAX_CASE_MS = 20_000;

const pipeline = { provider: 'local', url: null, commit: null, actor: null };
const tally = new Tally();
let folder: string;
let connect: jest.SpyInstance;
let slowest = 0;
let taken = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'iam-bootstrap-fuzz-'));
  mkdirSync(join(folder, 'policies'));
  connect = jest.spyOn(Socket.prototype, 'connect');
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  await record({
    id: 'bad-manifests',
    title: 'Manifests that are broken or hostile',
    what:
      'Each case is one manifest, changed at random or written to do harm. A case survives if the result is ' +
      'a request that a worker accepts, or a list of problems that each have a position and a remedy, and ' +
      'if nothing was thrown, called or polluted.',
    command: 'IAM_BOOTSTRAP_CHAOS=long npx jest test/unit/engine/manifest/fuzz.test.ts',
    trials: tally.trials,
    figures: [
      { what: 'the slowest case, of the processor’s time', value: Math.round(slowest), unit: 'ms' },
      { what: 'manifests that were valid anyway', value: taken, unit: 'manifests' },
    ],
  });
});

/** What the prototypes of everything hold: a manifest that adds to it would change every object of the process. */
function prototypes(): string {
  return [Object, Array, Function, String, Number, Boolean, Map, Promise]
    .map(({ prototype }) => Reflect.ownKeys(prototype).map(String).join())
    .join(';');
}

const UNTOUCHED = prototypes();

/** Loads manifests, and returns what is wrong with the result. */
async function check(
  files: readonly string[],
  texts: Readonly<Record<string, string | Uint8Array>>,
  options: Partial<RequestOptions> = {},
): Promise<{ readonly loaded: LoadedRequest; readonly wrong: readonly string[] }> {
  const calls = connect.mock.calls.length;
  const load = async (): Promise<{ readonly loaded: LoadedRequest; readonly elapsed: number }> => {
    const started = process.cpuUsage();
    const loaded = await loadRequest(files, { environment: 'dev', variables: {}, pipeline, cwd: folder, ...options });
    const { user, system } = process.cpuUsage(started);
    return { loaded, elapsed: (user + system) / 1_000 };
  };
  const { loaded, elapsed: once } = await load();
  // A machine that stands still counts as work of the process; a manifest that is slow is so each time.
  const elapsed = once > MAX_CASE_MS ? Math.min(once, (await load()).elapsed) : once;
  slowest = Math.max(slowest, elapsed);
  const wrong: string[] = [];
  if (elapsed > MAX_CASE_MS) wrong.push(`took ${String(elapsed)} ms of the processor's time`);
  if (prototypes() !== UNTOUCHED) wrong.push('a prototype was changed');
  if (connect.mock.calls.length !== calls) wrong.push('a connection was opened');
  if (loaded.ok) {
    taken += 1;
    // As it arrives at the worker.
    const refusal = checkRequest(JSON.parse(JSON.stringify(loaded.request)), KINDS);
    if (refusal !== null) wrong.push(`a worker refuses it: ${refusal}`);
  } else {
    if (loaded.problems.length === 0) wrong.push('refused without a problem');
    for (const problem of loaded.problems) {
      const why = misplaced(problem, texts);
      if (why !== null) wrong.push(`${JSON.stringify(problem)}: ${why}`);
    }
  }
  return { loaded, wrong };
}

/** Returns why a problem would not lead a user to its position, or null. */
function misplaced(
  { file, line, column, path, message, remedy }: Problem,
  texts: Readonly<Record<string, string | Uint8Array>>,
): string | null {
  if (message.trim() === '' || remedy.trim() === '') return 'says nothing';
  if (message.length > 2_000) return 'fills the page';
  if (/\[object |undefined|NaN/.test(message.replace(/"[^"]*"/g, ''))) return 'says what only a program understands';
  if (file === '(command line)') return path === '' ? 'names no option' : null;
  const text = Object.hasOwn(texts, file) ? texts[file] : undefined;
  if (text === undefined) return 'names a file that was not given';
  if (typeof text !== 'string') return line === 0 ? null : 'names a line of what is not text';
  if (line === 0) return message.includes('cannot be read') ? null : 'has no place';
  const lines = linesOf(text);
  if (line > lines.length + 1) return `there are ${String(lines.length)} lines`;
  return column >= 1 && column <= (lines[line - 1]?.length ?? 0) + 2 ? null : 'the line is shorter';
}

let split: { readonly text: string; readonly lines: readonly string[] } = { text: '', lines: [''] };

function linesOf(text: string): readonly string[] {
  if (split.text !== text) split = { text, lines: text.split('\n') };
  return split.lines;
}

/** Runs one case, counts it, and throws what was wrong with it. */
async function trial(
  fault: string,
  at: string,
  work: () => readonly string[] | Promise<readonly string[]>,
): Promise<void> {
  let wrong: readonly string[];
  try {
    wrong = await work();
  } catch (error) {
    wrong = [`threw ${String((error as Error).stack)}`];
  }
  tally.count(fault, at, wrong.length === 0);
  expect(wrong).toEqual([]);
}

const EXAMPLES = join(__dirname, '../../../../examples');
const DOCUMENTS = readdirSync(join(EXAMPLES, 'policies')).map((name) =>
  readFileSync(join(EXAMPLES, 'policies', name), 'utf8'),
);
const SOUND: readonly string[] = [
  ...readdirSync(EXAMPLES)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => readFileSync(join(EXAMPLES, name), 'utf8')),
  validManifest,
  JSON.stringify(manifestOf({ namespace: 'ci', account: ACCOUNT, entities: [role('a'), role('b')] })).replace(
    '"test"',
    '"dev"',
  ),
];
const SEEDS: readonly string[] = [
  // As many of the one as of the other.
  ...Array.from({ length: 6 }, () => SOUND).flat(),
  ...malformedManifests.map(([, text]) => text).filter((text) => text.length < 20_000),
];

/** Pieces that mean something to YAML, to JSON, to templates or to JavaScript. */
const TOKENS = [
  ...['{{', '}}', '{{{{', '{{arn ', '{{account}}', '{{arn Role/x}}', '${', '{', '}', '[', ']', ': ', ', ', '- ', '? '],
  ...['&a ', '*a', '<<: *a\n', '<<: {}\n', '&a [*a]', '!!js/function "x"', '!!binary aGk=', '!Ref x', '!<tag:x>'],
  ...['---\n', '...\n', '%YAML 1.1\n', '%TAG ! !\n', '# ', '|\n', '>-\n', '"', "'", '\\', '\\u0000', '\\x1b'],
  ...['__proto__: ', '"__proto__": {}', 'constructor: ', 'prototype: ', 'toString: ', 'hasOwnProperty: '],
  ...['1e999', '-0', '0x7fffffffffffffff', '99999999999999999999', '.inf', '.nan', '0o17', '1_000', 'null', '~', 'yes'],
  ...['\t', '\r', '\r\n', '\n', '\n\n  ', ' ', '\u0000', '\u0007', '\u001b[31m', '\u007f'],
  ...['\u0085', '\u009b', '\u2028', '\u202e', '\ufeff'],
  ...['\ud800', '\u{1f600}', '$file: /etc/passwd', '$file: ../x.json', '2026-01-01', '::set-output name=x::y'],
];

/** Bytes that no UTF-8 text holds, and some that look like one. */
const BYTES = ['ff', 'feff', 'c080', 'eda080', 'f888808080', '80', 'e282', 'efbbbf'].map((hex) =>
  Buffer.from(hex, 'hex'),
);

interface Mutation {
  readonly what: string;
  readonly apply: (bytes: Buffer) => Buffer;
}

/** One change of a file's bytes; places are fractions of the file, so that they shrink well. */
const mutation: fc.Arbitrary<Mutation> = fc
  .tuple(
    fc.constantFrom('flip', 'cut', 'remove', 'repeat', 'token', 'bytes', 'nest', 'indent', 'splice'),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.nat(1_000_000),
  )
  .map(([what, from, to, seed]) => ({
    what: NAMES[what] ?? what,
    apply: (bytes) => mutate(bytes, what, from, to, seed),
  }));

const NAMES: Readonly<Record<string, string>> = {
  flip: 'a bit is flipped',
  cut: 'the file ends early',
  remove: 'a piece is taken out',
  repeat: 'a piece is repeated',
  token: 'a token is put in',
  bytes: 'bytes that are no text are put in',
  nest: 'values are nested deeply',
  indent: 'a line is indented',
  splice: 'a piece of another file is put in',
};

function mutate(bytes: Buffer, what: string, from: number, to: number, seed: number): Buffer {
  const start = Math.floor(from * bytes.length);
  const end = Math.min(bytes.length, start + 1 + Math.floor(to * Math.min(200, bytes.length - start)));
  const put = (piece: Buffer): Buffer => Buffer.concat([bytes.subarray(0, start), piece, bytes.subarray(start)]);
  switch (what) {
    case 'flip': {
      const flipped = Buffer.from(bytes);
      if (start < flipped.length) flipped.writeUInt8((flipped[start] ?? 0) ^ (1 << (seed % 8)), start);
      return flipped;
    }
    case 'cut':
      return bytes.subarray(0, start);
    case 'remove':
      return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
    case 'repeat':
      return put(Buffer.concat(Array.from({ length: 1 + (seed % 5) }, () => bytes.subarray(start, end))));
    case 'token':
      return put(Buffer.from(TOKENS[seed % TOKENS.length] ?? ''));
    case 'bytes':
      return put(BYTES[seed % BYTES.length] ?? Buffer.alloc(0));
    case 'nest': {
      const depth = [3, 99, 101, 5_000, 60_000][seed % 5] ?? 0;
      return put(Buffer.from((['[', '{a: ', '- ', '{"a":'][seed % 4] ?? '').repeat(depth)));
    }
    case 'indent': {
      const line = bytes.lastIndexOf('\n', start) + 1;
      return Buffer.concat([bytes.subarray(0, line), Buffer.from(' '.repeat(1 + (seed % 4))), bytes.subarray(line)]);
    }
    default: {
      const other = Buffer.from(SEEDS[seed % SEEDS.length] ?? '');
      return put(other.subarray(Math.floor(to * other.length), Math.floor(to * other.length) + 300));
    }
  }
}

/** The text that a file of these bytes is, or the bytes where it is none. */
function decoded(bytes: Uint8Array): string | Uint8Array {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return bytes;
  }
}

describe('a manifest with changed bytes', () => {
  const changed = (texts: readonly string[]): fc.Arbitrary<{ readonly bytes: () => Buffer; readonly what: string }> =>
    fc
      .tuple(fc.constantFrom(...texts), fc.array(mutation, { minLength: 1, maxLength: 3 }))
      .map(([text, mutations]) => ({
        // Not the bytes themselves: they would fill the page where a case fails.
        bytes: () => mutations.reduce<Buffer>((bytes, { apply }) => apply(bytes), Buffer.from(text)),
        what: mutations.length > 1 ? 'several changes of bytes' : (mutations[0]?.what ?? ''),
      }));
  test('is taken or refused with places, as a file', async () => {
    for (const name of readdirSync(join(EXAMPLES, 'policies'))) {
      writeFileSync(join(folder, 'policies', name), readFileSync(join(EXAMPLES, 'policies', name)));
    }
    await fc.assert(
      fc.asyncProperty(changed(SEEDS), async ({ bytes: make, what }) => {
        const bytes = make();
        writeFileSync(join(folder, 'm.yaml'), bytes);
        await trial(
          what,
          '-f',
          async () => (await check(['m.yaml'], { 'm.yaml': decoded(bytes), ...givenPolicies() })).wrong,
        );
      }),
      form(700),
    );
  });

  test('is taken or refused with places, as standard input', async () => {
    await fc.assert(
      fc.asyncProperty(changed(SEEDS), async ({ bytes, what }) => {
        const text = bytes().toString('utf8');
        const options = { standardInput: () => Promise.resolve(text) };
        const given = { '(standard input)': text, ...givenPolicies() };
        await trial(what, 'standard input', async () => (await check(['-'], given, options)).wrong);
      }),
      form(200),
    );
  });

  test('is taken or refused with places, as a document that it refers to', async () => {
    const text = `${HEAD}  - { kind: Policy, policyName: p, policyDocument: { $file: d.json } }\n`;
    writeFileSync(join(folder, 'r.yaml'), text);
    await fc.assert(
      fc.asyncProperty(changed(DOCUMENTS), async ({ bytes: make, what }) => {
        const bytes = make();
        writeFileSync(join(folder, 'd.json'), bytes);
        await trial(what, '$file', async () => {
          const given = { 'r.yaml': text, 'd.json': decoded(bytes) };
          return (await check(['r.yaml'], given)).wrong;
        });
      }),
      form(300),
    );
  });

  const policies = new Map<string, string>();
  function givenPolicies(): Record<string, string> {
    if (policies.size === 0) {
      for (const name of readdirSync(join(folder, 'policies'))) {
        policies.set(`policies/${name}`, readFileSync(join(folder, 'policies', name), 'utf8'));
      }
    }
    return Object.fromEntries(policies);
  }
});

describe('a manifest with changed values', () => {
  /** Values that stand where others are meant. */
  const odd: fc.Arbitrary<Json> = fc.oneof(
    fc.constantFrom<Json[]>(
      ...[null, true, 0, -1, 1e308, 0.1, '', ' ', '{}', '*', '{{', '{{arn Role/a}}', '{{account}}'],
      ...[[], {}, [[]], [null]],
      ...['__proto__', 'constructor', '\u0000', 'a'.repeat(3_000), '\u202e', 'arn:aws:iam::1:role/x', '\ud800'],
      ...[{ constructor: { prototype: { polluted: true } } }, { $file: '../x.json' }, { $file: 1 }, { '': 1 }],
      Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`k${String(index)}`, index])),
    ),
    fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<Json>,
  );
  const keys = fc.constantFrom(
    ...['kind', 'state', 'shared', 'adopt', 'tags', 'unmanaged', 'replace', 'observe', 'path', '$file', '{{account}}'],
    ...['toString', 'constructor', 'valueOf', 'length', '', '0', 'secret', 'Statement', 'Version', 'policyDocument'],
  );

  const entities: readonly JsonObject[] = KINDS.flatMap((kind) => {
    const { full, minimal } = KIND_FIXTURES[kind.name] ?? { full: {}, minimal: {} };
    return [full, minimal].map((spec) => ({ kind: kind.name, ...spec }));
  });

  interface Change {
    readonly what: string;
    readonly at: readonly number[];
    readonly key: string;
    readonly value: Json;
  }
  const change: fc.Arbitrary<Change> = fc.record({
    what: fc.constantFrom(
      'a value is another',
      'a value is taken out',
      'a value is put in',
      'a value is wrapped',
      'a key is another',
    ),
    at: fc.array(fc.nat(40), { minLength: 1, maxLength: 7 }),
    key: keys,
    value: odd,
  });

  function changed(value: Json, { what, at: [first = 0, ...rest], key, value: other }: Change): Json {
    const inner: Change = { what, at: rest, key, value: other };
    if (typeof value !== 'object' || value === null) return what === 'a value is wrapped' ? [value] : other;
    if (Array.isArray(value)) {
      const list: readonly Json[] = value;
      const index = first % Math.max(1, list.length);
      if (rest.length > 0 && list.length > 0)
        return list.map((item, at) => (at === index ? changed(item, inner) : item));
      if (what === 'a value is taken out') return list.filter((_, at) => at !== index);
      return [...list, other];
    }
    const map = value as JsonObject;
    const entries = Object.entries(map);
    const [name = key] = entries[first % Math.max(1, entries.length)] ?? [];
    if (rest.length > 0 && entries.length > 0) {
      return Object.fromEntries(entries.map(([one, part]) => [one, one === name ? changed(part, inner) : part]));
    }
    switch (what) {
      case 'a value is taken out':
        return Object.fromEntries(entries.filter(([one]) => one !== name));
      case 'a value is put in':
        return { ...map, [key]: other };
      case 'a key is another':
        return Object.fromEntries(entries.map(([one, part]) => [one === name ? key : one, part]));
      default:
        return { ...map, [name]: what === 'a value is wrapped' ? { [key]: value } : other };
    }
  }

  const manifest = fc
    .tuple(
      fc.array(fc.constantFrom(...entities), { minLength: 1, maxLength: 3 }),
      fc.array(change, { maxLength: 2 }),
      fc.constantFrom<JsonObject[]>({}, { defaults: { path: '/ci/', tags: { team: 'x' } } }, { variables: { v: 'x' } }),
    )
    .map(([chosen, changes, more]) => {
      const sound = { ...manifestOf({ namespace: 'ci', account: ACCOUNT, entities: chosen }), ...more } as Json;
      return {
        value: changes.reduce((value, one) => changed(value, one), sound),
        what:
          changes.length === 0
            ? 'nothing is changed'
            : changes.length > 1
              ? 'two values are changed'
              : (changes[0]?.what ?? ''),
      };
    });

  test('is taken or refused with places, in JSON', async () => {
    await fc.assert(
      fc.asyncProperty(manifest, async ({ value, what }) => {
        const text = JSON.stringify(value, null, 1);
        writeFileSync(join(folder, 'm.json'), text);
        const options = { environment: undefined };
        await trial(what, 'a .json file', async () => (await check(['m.json'], { 'm.json': text }, options)).wrong);
      }),
      form(700),
    );
  });
});

describe('a value that a template puts in', () => {
  /** Text that might end where it stands and begin something else. */
  const hostile = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          ...['"', "'", '\\', '\n', '\r\n', '\t', ': ', ', ', '- ', '# ', '}', '{', '}}', '{{', '{{account}}', '{{v}}'],
          ...['{{arn Role/other}}', '${aws:username}', '", "Effect": "Deny', '*', '&a', '<<', '$file', '__proto__'],
          '\u0000',
        ),
        fc.string({ unit: 'binary-ascii', maxLength: 6 }),
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.join(''));
  const variables = { w: 'double-u' };
  /** Where the value is put: each text is a template, and what is around it must stay as it is. */
  const template = fc.constantFrom(
    '{{v}}',
    'a{{v}}b',
    '{{v}}{{w}}',
    '{{w}}/{{v}}',
    '{ {{v}} }',
    '{{ v }}',
    '{{v}}{{v}}',
  );
  const filled = (text: string, v: string): string =>
    text.replace(/\{\{ ?([vw]) ?\}\}/g, (_, name) => (name === 'v' ? v : variables.w));

  const resolve = (manifest: JsonObject, v: string): ReturnType<typeof resolveManifest> =>
    resolveManifest([{ file: 'm.yaml', text: JSON.stringify({ ...manifest, variables: { v: '', ...variables } }) }], {
      ...manifestOptions,
      variables: { v },
    });
  const statement = (text: string, key: string): JsonObject => ({
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'First',
        Effect: 'Allow',
        Action: 's3:GetObject',
        Resource: '*',
        Condition: { StringLike: { [key]: [text, 'x'] } },
      },
      { Sid: 'Second', Effect: 'Deny', Action: 'iam:*', Resource: '*' },
    ],
  });

  test('is a text in a policy document and nothing more: no statement, no key, no template comes of it', async () => {
    let put = 0;
    await fc.assert(
      fc.asyncProperty(hostile, template, async (v, text) => {
        await trial('a value that looks like structure', '--var, in a document', () => {
          const entities = [{ kind: 'Policy', policyName: 'p', policyDocument: statement(text, 'aws:x') }];
          const result = resolve(manifestOf({ namespace: 'ci', account: ACCOUNT, entities }), v);
          const wanted = statement(filled(text, v), 'aws:x');
          if (!result.ok) {
            // Only what would read as a template once it is put in is refused, or what IAM does not take anywhere.
            const excused = filled(text, v).includes('{{') || /[^\t\n\r\u0020-\u00ff]/.test(v);
            return excused ? [] : [JSON.stringify(result.problems)];
          }
          put += 1;
          const found = result.request.entities.map(({ spec }) => spec['policyDocument']);
          return JSON.stringify(found) === JSON.stringify([wanted]) ? [] : [`became ${JSON.stringify(found)}`];
        });
      }),
      form(1_000),
    );
    expect(put).toBeGreaterThan(100);
  });

  test('is one key where it stands in a key, and never one that means something else', async () => {
    await fc.assert(
      fc.asyncProperty(hostile, async (v) => {
        await trial('a value that looks like structure', '--var, in a key', () => {
          const entities = [{ kind: 'Policy', policyName: 'p', policyDocument: statement('y', '{{v}}') }];
          const result = resolve(manifestOf({ namespace: 'ci', account: ACCOUNT, entities }), v);
          if (!result.ok) return result.problems.every(({ remedy }) => remedy !== '') ? [] : ['has no remedy'];
          const found = JSON.stringify(result.request.entities[0]?.spec['policyDocument']);
          return found === JSON.stringify(statement('y', v)) ? [] : [`became ${found}`];
        });
      }),
      form(500),
    );
  });

  test.each<[string, JsonObject]>([
    ['$file', { kind: 'Policy', policyName: 'p', policyDocument: { '{{v}}': 'm.yaml' } }],
    ['Role', { kind: '{{v}}', roleName: 'x', assumeRolePolicyDocument: allowing('s3:*') }],
    ['state', { kind: 'User', userName: 'x', '{{v}}': 'absent' }],
    ['<<', { kind: 'User', userName: 'x', '{{v}}': { state: 'absent' } }],
    ['__proto__', { kind: 'User', userName: 'x', '{{v}}': { state: 'absent' } }],
  ])('does not become %s, which would mean something to the loader', (v, entity) => {
    const result = resolve(manifestOf({ namespace: 'ci', account: ACCOUNT, entities: [entity] }), v);
    tally.count('a value that looks like structure', '--var, in a key', !result.ok);
    expect(result.ok).toBe(false);
  });

  test('cannot name a file outside of the folder', () => {
    const outside = ['/etc/passwd', '../x.json', 'a/../../x.json', 'C:/x.json', '..\\x.json', '', 'a/..'];
    for (const v of [...outside, 'x.json\u0000.yaml']) {
      const read = jest.fn(() => '{}');
      const entities = [{ kind: 'Policy', policyName: 'p', policyDocument: { $file: '{{v}}' } }];
      const manifest = { ...manifestOf({ namespace: 'ci', account: ACCOUNT, entities }), variables: { v: '' } };
      const options = { ...manifestOptions, variables: { v }, readFile: read };
      const result = resolveManifest([{ file: 'm.yaml', text: JSON.stringify(manifest) }], options);
      tally.count('a value that looks like structure', '--var, in $file', !result.ok);
      expect([v, result.ok, read.mock.calls]).toEqual([v, false, []]);
    }
  });
});

describe('a manifest that a program makes', () => {
  const cyclic: Record<string, unknown> = { version: 1 };
  cyclic['self'] = cyclic;
  const throwing = (what: unknown): object =>
    Object.defineProperty({}, 'version', {
      enumerable: true,
      get: () => {
        throw what;
      },
    });
  const trap = (): never => {
    throw new Error('trapped');
  };
  const traps = new Proxy(
    {},
    { get: trap, has: trap, ownKeys: trap, getPrototypeOf: trap, getOwnPropertyDescriptor: trap },
  );
  const unspeakable = {
    toString: trap,
    [Symbol.toPrimitive]: trap,
    get message(): string {
      return trap();
    },
    get stack(): string {
      return trap();
    },
  };
  const manifest = manifestOf({ namespace: 'ci', account: ACCOUNT, entities: [role('x')] });

  const values: readonly [string, unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['a text', 'version: 1'],
    ['a function in it', { ...manifest, entities: () => [] }],
    ['a symbol in it', { ...manifest, namespace: Symbol('ci') }],
    ['a big integer in it', { ...manifest, version: 1n }],
    ['a date in it', { ...manifest, entities: [new Date()] }],
    ['a map in it', { ...manifest, environments: new Map() }],
    ['a promise in it', { ...manifest, entities: Promise.resolve([]) }],
    ['an object that holds itself', cyclic],
    ['a list with a gap', { ...manifest, entities: [, role('x')] }],
    ['a list that is nothing but gaps', { ...manifest, entities: new Array(2 ** 32 - 1) }],
    ['a property that throws', throwing(new Error('no'))],
    ['a property that throws nothing', throwing(undefined)],
    ['a property that throws what cannot be told', throwing(unspeakable)],
    ['an object that is all traps', traps],
    ['a trap in it', { ...manifest, entities: [traps] }],
    ['an object without a prototype', Object.assign(Object.create(null), { version: 2 })],
    ['a __proto__ of its own', JSON.parse('{"version":1,"__proto__":{"polluted":true}}')],
    ['half a character in it', { ...manifest, entities: [{ kind: 'User', userName: '\ud800' }] }],
    ['a million entities', { ...manifest, entities: Array.from({ length: 1_000_000 }, () => 1) }],
    ['an object that never ends', endless()],
  ];

  function endless(): object {
    return {
      get more(): object {
        return endless();
      },
    };
  }

  test.each(values)('is refused with what is wrong where it is %s', async (what, value) => {
    await trial(what, 'a value of a program', () => {
      const before = prototypes();
      for (const source of [
        { file: 'm.ts', value },
        { file: 'm.ts', produce: () => value },
      ]) {
        const result = resolveManifest([source], manifestOptions);
        if (result.ok) return ['was taken'];
        if (result.problems.length === 0) return ['says nothing'];
        const mute = result.problems.find(
          ({ file, message, remedy }) => file !== 'm.ts' || message === '' || remedy === '',
        );
        if (mute !== undefined) return [JSON.stringify(mute)];
      }
      return prototypes() === before ? [] : ['a prototype was changed'];
    });
  });

  test.each<[string, unknown]>([
    ['an error', new Error('no')],
    ['an error without a message', new Error()],
    ['nothing', undefined],
    ['null', null],
    ['a text', 'no'],
    ['a symbol', Symbol('no')],
    ['an object without a prototype', Object.create(null)],
    ['an object that cannot be told', unspeakable],
    ['an object that is all traps', traps],
  ])('is refused with what it throws where that is %s', async (what, thrown) => {
    await trial(`throws ${what}`, 'a function of a program', () => {
      const produce = (): never => {
        throw thrown;
      };
      const result = resolveManifest([{ file: 'm.ts', produce }], manifestOptions);
      const told = result.ok ? [] : result.problems.map(({ message }) => message);
      return told.length === 1 && told[0]?.startsWith('the manifest threw') === true ? [] : told;
    });
  });

  test('of random values is refused or taken, and never throws', async () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withObjectString: true,
      withSparseArray: true,
      withTypedArray: true,
    });
    await fc.assert(
      fc.asyncProperty(
        anything,
        fc.constantFrom('', 'version', 'entities', 'environments', 'variables', 'defaults'),
        async (value, field) => {
          await trial('random values', 'a value of a program', () => {
            const result = resolveManifest(
              [{ file: 'm.ts', value: field === '' ? value : { ...manifest, [field]: value } }],
              manifestOptions,
            );
            return result.ok || result.problems.length > 0 ? [] : ['says nothing'];
          });
        },
      ),
      form(500),
    );
  });

  test.each<[string, string, RegExp]>([
    ['throws at its import', "throw new Error('no');", /^m\.ts:1:\d+ .*threw: no/],
    [
      'throws later in its import',
      "await new Promise((done) => setImmediate(done));\nthrow new Error('late');",
      /threw: late/,
    ],
    ['throws a text', "throw 'no';", /threw: no/],
    ['throws nothing', 'throw undefined;', /threw: undefined/],
    ['throws what cannot be told', 'throw Object.create(null);', /threw: /],
    [
      'throws a trap',
      "throw new Proxy({}, { get() { throw new Error('trapped'); }, getPrototypeOf() { throw new Error('trapped'); } });",
      /threw: /,
    ],
    ['imports what is not there', "import '../../none.js';\nexport default {};", /threw: /],
    ['is no program', 'export default {{{;', /threw: /],
    ['is empty', '', /./],
    ['gives a promise that is rejected', "export default Promise.reject(new Error('no'));", /threw: no|promise/],
    ['gives a function that throws', "export default () => { throw new Error('no'); };", /threw: no/],
    ['gives a function that gives a promise', 'export default async () => ({});', /promise/],
    ['gives a class', 'export default class {};', /threw: /],
  ])('is refused where it %s', async (what, text, message) => {
    writeFileSync(join(folder, 'm.ts'), text);
    await trial(what, 'a program', async () => {
      const result = await loadRequest(['m.ts'], { variables: {}, pipeline, cwd: folder });
      if (result.ok) return ['was taken'];
      const told = result.problems.map(
        ({ file, line, column, message }) => `${file}:${String(line)}:${String(column)} ${message}`,
      );
      return told.length > 0 && told.every((one) => message.test(one)) ? [] : told;
    });
  });
});

/** The short form is as deep, and less long. */
const LIGHT = LONG_FORM ? 1 : 10;

describe('a manifest that is made to take the process down', () => {
  const nested = (open: string, depth: number, close = ''): string => open.repeat(depth) + close.repeat(depth);
  const laughs = (levels: number): string =>
    ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
      .concat(
        Array.from(
          { length: levels },
          (_, level) =>
            `a${String(level + 1)}: &a${String(level + 1)} [${Array.from({ length: 10 }, () => `*a${String(level)}`).join(', ')}]`,
        ),
      )
      .join('\n');
  const bombs: readonly [string, string][] = [
    ['aliases of aliases', `${HEAD}  []\nvariables: { v: x }\n${laughs(9)}\n`],
    ['aliases of aliases among the entities', `${laughs(9)}\n${HEAD}  - *a9\n`],
    [
      'merges of merges',
      `m0: &m0 { a: 1 }\n${Array.from({ length: 3_000 }, (_, at) => `m${String(at + 1)}: &m${String(at + 1)}\n  <<: *m${String(at)}\n  k${String(at)}: 1\n`).join('')}${HEAD}  []\n`,
    ],
    ['a map that merges itself', `${HEAD}  - &e\n    <<: *e\n    kind: User\n`],
    ['lists in lists', `${HEAD}  ${nested('[', 50_000 / LIGHT, ']')}\n`],
    ['lists that are not closed', `${HEAD}  ${nested('[', 400_000 / LIGHT)}`],
    ['maps in maps', `${HEAD}  ${nested('{a: ', 50_000 / LIGHT, '}')}\n`],
    ['blocks in blocks', nested('- ', 200_000 / LIGHT)],
    ['questions in questions', nested('? ', 200_000 / LIGHT)],
    ['a staircase', Array.from({ length: 1_500 }, (_, at) => `${' '.repeat(at)}a:\n`).join('')],
    ['JSON in JSON', nested('{"a":', 200_000 / LIGHT, '}')],
    ['very many short lines', 'a\n'.repeat(900_000 / LIGHT)],
    ['very many keys', Array.from({ length: 150_000 / LIGHT }, (_, at) => `k${String(at)}: 1\n`).join('')],
    ['one key a hundred thousand times', 'k: 1\n'.repeat(100_000 / LIGHT)],
    ['one very long line', `${HEAD}  - { kind: User, userName: ${'a'.repeat(1_900_000)} }\n`],
    ['more text than is read', 'a'.repeat(2_000_001)],
    ['a template in a template', `${HEAD}  - { kind: User, userName: "${nested('{{', 100_000 / LIGHT, '}}')}" }\n`],
    ['templates that are not closed', `${HEAD}  - { kind: User, userName: "${'{{a '.repeat(100_000 / LIGHT)}" }\n`],
    [
      'a reference in a reference',
      `${HEAD}  - { kind: User, userName: "${nested('{{arn User/', 20_000 / LIGHT, '}}')}" }\n`,
    ],
    [
      'a value that is repeated',
      `variables: { v: "${'x'.repeat(100_000 / LIGHT)}" }\n${HEAD}  - { kind: User, userName: "${'{{v}}'.repeat(1_000)}" }\n`,
    ],
    ['many directives', '%TAG !a! tag:x\n'.repeat(50_000 / LIGHT)],
    ['many documents', '---\n'.repeat(200_000 / LIGHT)],
    ['many comments', '#\n'.repeat(500_000 / LIGHT)],
    ['nothing but spaces', ' '.repeat(1_900_000)],
    ['tabs', '\t'.repeat(500_000 / LIGHT)],
    ['quotes', '"'.repeat(500_000 / LIGHT)],
    ['anchors', '&a '.repeat(200_000 / LIGHT)],
    ['stars', '*'.repeat(500_000 / LIGHT)],
    ['colons', ': '.repeat(300_000 / LIGHT)],
    ['a number of a million digits', `${HEAD}  - { kind: Role, maxSessionDuration: ${'9'.repeat(1_000_000)} }\n`],
    [
      'names that nearly match',
      `${HEAD}${Array.from({ length: 3_000 }, (_, at) => `  - { kind: User, userNam${'e'.repeat(at % 40)}: x }\n`).join('')}`,
    ],
    [
      'a document of many statements',
      `${HEAD}  - { kind: Policy, policyName: p, policyDocument: { Version: "2012-10-17", Statement: [${'{ Effect: Allow, Action: "s3:*", Resource: "*" },'.repeat(20_000)}] } }\n`,
    ],
    [
      'a key as long as a page, in a document',
      `${HEAD}  - { kind: Policy, policyName: p, policyDocument: { ${'k'.repeat(3_000)}: { Version: x } } }\n`,
    ],
    [
      'dependencies in a circle',
      `${HEAD}${Array.from({ length: 2_000 }, (_, at) => `  - { kind: Group, groupName: g${String(at)}, dependsOn: [Group/g${String((at + 1) % 2_000)}] }\n`).join('')}`,
    ],
  ];

  test.each(bombs)('by %s is refused with its place', async (what, text) => {
    writeFileSync(join(folder, 'm.yaml'), text);
    await trial(what, 'a bomb', async () => {
      const { loaded, wrong } = await check(['m.yaml'], { 'm.yaml': text });
      return loaded.ok ? ['was taken'] : wrong;
    });
  });
});

describe('a file that a manifest names', () => {
  let root: string;
  const document = JSON.stringify(allowing('s3:GetObject'));

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'iam-bootstrap-files-'));
    mkdirSync(join(root, 'in/deep'), { recursive: true });
    writeFileSync(join(root, 'outside.json'), document);
    writeFileSync(join(root, 'in/inside.json'), document);
    symlinkSync('/dev/zero', join(root, 'in/zero.json'));
    symlinkSync('..', join(root, 'in/up'));
    symlinkSync('deep', join(root, 'in/down'));
    symlinkSync('loop.json', join(root, 'in/loop.json'));
    symlinkSync('nothing.json', join(root, 'in/dangling.json'));
    writeFileSync(join(root, 'in/huge.json'), '');
    truncateSync(join(root, 'in/huge.json'), 5_000_000_000);
    writeFileSync(join(root, 'in/two\nlines.json'), document);
    writeFileSync(join(root, 'in/\u001b[31mred.json'), '{');
    execFileSync('mkfifo', [join(root, 'in/pipe.json')]);
  });
  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  const load = (path: string): Promise<LoadedRequest> => {
    const entities = [{ kind: 'Policy', policyName: 'p', policyDocument: { $file: path } }];
    writeFileSync(join(root, 'in/m.json'), JSON.stringify(manifestOf({ namespace: 'ci', account: ACCOUNT, entities })));
    return loadRequest(['in/m.json'], { variables: {}, pipeline, cwd: root });
  };

  test.each([
    ['a file outside, by its way', '../outside.json', /leaves the manifest's folder/],
    ['a file outside, by a folder of its own', 'deep/../../outside.json', /leaves the manifest's folder/],
    ['a file outside, by a link to a folder', 'up/outside.json', /link that leaves/],
    ['a file inside, by a link that leaves and comes back', 'up/in/inside.json', null],
    ['a file outside, as an absolute path', '/etc/hostname', /absolute path/],
    ['a device', 'zero.json', /link that leaves/],
    ['a pipe', 'pipe.json', /not a regular file/],
    ['a folder', 'deep', /it is a folder/],
    ['a folder, by a link', 'down', /it is a folder/],
    ['a link to itself', 'loop.json', /form a loop/],
    ['a link to nothing', 'dangling.json', /no such file/],
    ['a file of five gigabytes', 'huge.json', /5000000000 bytes, more than/],
    ['nothing', '', /not a path/],
    ['a name that ends early', 'inside.json\u0000.txt', /not a path/],
    ['a name of two lines', 'two\nlines.json', null],
    ['a name that colours the terminal', '\u001b[31mred.json', /./],
    ['a name that is too long', `${'a'.repeat(5_000)}.json`, /ENAMETOOLONG/],
  ])('that is %s is not read, or is no way out', async (what, path, message) => {
    const result = await load(path);
    const told = result.ok ? null : result.problems.map((problem) => problem.message).join('; ');
    const held = message === null ? result.ok : message.test(told ?? '');
    tally.count(`names ${what}`, '$file', held);
    expect([told, held]).toEqual([told, true]);
    expect(told ?? '').not.toContain(root);
  });

  test.each([
    ['a pipe', 'pipe.json'],
    ['a device', 'zero.json'],
    ['a folder', 'deep'],
    ['a file by a link that leaves', 'up/outside.json'],
    ['a file that is not there, by a link that leaves', 'up/new/secret.json'],
    ['a file that is not there, by a link to nothing', 'dangling.json/secret.json'],
    ['a file by a link that stays', 'down/secret.json'],
    ['a file of five gigabytes', 'huge.json'],
    ['a name that ends early', 'inside.json\u0000'],
  ])('for a secret and that is %s is not read or written', async (what, file) => {
    const store = createSecretStore({ client: () => Promise.reject(new Error('not meant')), folder: join(root, 'in') });
    const before = readdirSync(root, { recursive: true }).sort();
    const read = await store.readText({ file }).catch((error: unknown) => error);
    const written = file.endsWith('/secret.json')
      ? await store.writeRecord({ file }, { a: 'b' }).catch((error: unknown) => error)
      : read;
    const after = readdirSync(root, { recursive: true }).sort();
    const held = [read, written].every((one) => one instanceof SecretLocationError) && after.join() === before.join();
    tally.count(`names ${what}`, 'a secret file', held);
    expect([read, written]).toEqual([expect.any(SecretLocationError), expect.any(SecretLocationError)]);
    expect(after).toEqual(before);
  });
});
