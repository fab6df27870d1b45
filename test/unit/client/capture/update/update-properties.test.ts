import fc from 'fast-check';
import type { Json, JsonObject } from '../../../../../src/contract/entity.js';
import { compare } from '../../../../../src/engine/compare.js';
import { resolveManifest } from '../../../../../src/engine/manifest/resolve.js';
import { findKind } from '../../../../../src/kinds/index.js';
import {
  accountOf,
  entityIn,
  filesAfter,
  manifestAmong,
  optionsFor,
  update,
  type Editable,
  type Files,
} from '../../../../support/manifest-update.js';

/** The ways in which one value is written, as numbers that a generator draws. */
type Draw = () => number;

const ARNS = ['ReadOnlyAccess', 'SecurityAudit', 'ViewOnlyAccess', 'job-function/Billing'].map(
  (name) => `arn:aws:iam::aws:policy/${name}`,
);
const ACTIONS = ['s3:GetObject', 's3:PutObject', 'ec2:*', 'sts:AssumeRole', 'iam:PassRole'];
const TEXTS = [
  'for CI',
  'it is: "quoted"',
  "it's",
  '# no comment',
  'true',
  '2012-10-17',
  ' spaced ',
  '{{',
  'a, b',
  '-',
];

/** Writes values in ways that a person may choose. */
class Writer {
  #comments = 0;
  #anchors = 0;
  /** Lists that can be repeated by an alias. */
  readonly #known = new Map<string, string>();

  constructor(
    private readonly draw: Draw,
    private readonly eol: string,
  ) {}

  pick<T>(...choices: readonly T[]): T {
    return choices[this.draw() % choices.length] as T;
  }

  /** A comment on a line of its own. One inside of a value goes where the value goes. */
  comment(indent: string): string {
    const sort = indent.length > 6 ? 'tail' : 'own';
    return this.draw() % 3 === 0 ? `${indent}# ${sort} ${String(this.#comments++)}${this.eol}` : '';
  }

  tail(): string {
    return this.draw() % 4 === 0 ? ` # tail ${String(this.#comments++)}` : '';
  }

  scalar(value: Json, inFlow: boolean): string {
    if (typeof value !== 'string') return JSON.stringify(value);
    const written = value.replaceAll('{{', "{{'{{'}}");
    const isSimple = /^[A-Za-z][\w:/.*-]*$/.test(written) && written !== 'true';
    const isWords = !inFlow && /^[A-Za-z][\w :/.*-]*$/.test(written) && !/: |:$/.test(written) && written !== 'true';
    const styles = [JSON.stringify(written), `'${written.replaceAll("'", "''")}'`];
    return this.pick(...styles, ...(isSimple || isWords ? [written, written] : []));
  }

  flow(value: Json): string {
    if (Array.isArray(value)) {
      const comma = this.pick(', ', ',', ' , ');
      return this.pick(
        (items: string[]) => `[${items.join(comma)}]`,
        (items: string[]) => (items.length === 0 ? '[ ]' : `[ ${items.join(comma)}, ]`),
      )(value.map((item: Json) => this.flow(item)));
    }
    if (typeof value !== 'object' || value === null) return this.scalar(value, true);
    const entries = Object.entries(value).map(([key, member]) => `${this.scalar(key, true)}: ${this.flow(member)}`);
    return this.pick(`{ ${entries.join(', ')} }`, `{${entries.join(', ')}}`);
  }

  /** What follows a colon. */
  value(value: Json, indent: string, canAlias = false): string {
    if (typeof value !== 'object' || value === null) return ` ${this.scalar(value, false)}${this.tail()}${this.eol}`;
    const isEmpty = Object.keys(value).length === 0;
    if (Array.isArray(value) && canAlias && !isEmpty) {
      const key = JSON.stringify(value);
      const known = this.#known.get(key);
      if (known !== undefined) return ` *${known}${this.tail()}${this.eol}`;
      if (this.draw() % 5 === 0) {
        const name = `a${String(this.#anchors++)}`;
        this.#known.set(key, name);
        return ` &${name}${this.#collection(value, indent)}`;
      }
    }
    return this.#collection(value as JsonObject, indent);
  }

  #collection(value: Json, indent: string): string {
    const isEmpty = Object.keys(value as JsonObject).length === 0;
    if (isEmpty || this.draw() % 3 === 0) return ` ${this.flow(value)}${this.tail()}${this.eol}`;
    if (!Array.isArray(value)) {
      const inner = indent + this.pick('  ', '   ');
      return (
        this.tail() +
        this.eol +
        Object.entries(value as JsonObject)
          .map(([key, member]) => this.entry(key, member, inner))
          .join('')
      );
    }
    if (this.draw() % 4 === 0) {
      const items = (value as Json[]).map((item, index, { length }) => {
        const comma = index < length - 1 ? ',' : this.pick('', ',');
        return `${indent}    ${this.flow(item)}${comma}${this.tail()}${this.eol}`;
      });
      return ` [${this.eol}${items.join('')}${indent}  ]${this.eol}`;
    }
    const dash = indent + this.pick('', '  ');
    return this.eol + (value as Json[]).map((item) => this.comment(dash) + this.item(item, dash)).join('');
  }

  item(item: Json, dash: string): string {
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      return `${dash}- ${this.flow(item)}${this.tail()}${this.eol}`;
    if (this.draw() % 3 === 0) return `${dash}- ${this.flow(item)}${this.eol}`;
    return Object.entries(item as JsonObject)
      .map(
        ([key, member], index) =>
          `${dash}${index === 0 ? '- ' : '  '}${this.entry(key, member, `${dash}  `).trimStart()}`,
      )
      .join('');
  }

  entry(key: string, value: Json, indent: string, canAlias = false): string {
    return `${indent}${this.scalar(key, true)}:${this.value(value, indent, canAlias)}`;
  }
}

/** A manifest with its files, and the pieces that it is put together from. */
interface Written {
  readonly files: Files;
  readonly pieces: readonly { readonly entity: string; readonly property: string; readonly text: string }[];
}

interface Entity {
  readonly kind: string;
  readonly name: string;
  readonly properties: Readonly<Record<string, Json>>;
}

const NAME_OF: Readonly<Record<string, string>> = { Role: 'roleName', User: 'userName', Policy: 'policyName' };

function write(entities: readonly Entity[], numbers: readonly number[]): Written {
  let at = 0;
  const draw = (): number => numbers[at++ % numbers.length] ?? 0;
  const eol = draw() % 4 === 0 ? '\r\n' : '\n';
  const writer = new Writer(draw, eol);
  const files: Record<string, string> = {};
  const pieces: { entity: string; property: string; text: string }[] = [];
  let text = `# own head${eol}version: 1${eol}namespace: ci${eol}environments: { dev: { account: "111111111111" } }${eol}variables: { org: acme }${eol}entities:${eol}`;
  for (const { kind, name, properties } of entities) {
    text += writer.comment('  ') + `  - kind: ${kind}${eol}    ${NAME_OF[kind] ?? ''}: ${name}${writer.tail()}${eol}`;
    for (const [property, value] of Object.entries(properties)) {
      text += writer.comment('    ');
      const piece = isDocument(property) && draw() % 3 === 0 ? inFile(value, files, draw, eol) : undefined;
      const isTemplate = property === 'description' && value === 'acme';
      const written = isTemplate
        ? `    description: "{{org}}"${eol}`
        : piece !== undefined
          ? `    ${property}: { $file: ${piece} }${eol}`
          : writer.entry(property, value, '    ', property === 'managedPolicyArns');
      pieces.push({ entity: `${kind}/${name}`, property, text: written.trimEnd() });
      text += written;
    }
  }
  return { files: { ...files, 'm.yaml': draw() % 4 === 0 ? text.replace(/(\r?\n)+$/, '') : text }, pieces };
}

function isDocument(property: string): boolean {
  return property === 'policyDocument' || property === 'assumeRolePolicyDocument';
}

/** Puts a document into a file, or uses one that is the same. */
function inFile(value: Json, files: Record<string, string>, draw: Draw, eol: string): string {
  const indent = ['\t', '  ', '    ', ''][draw() % 4];
  const text = JSON.stringify(value, null, indent).replaceAll('\n', eol) + (draw() % 3 === 0 ? '' : eol);
  const same = Object.entries(files).find(([, other]) => JSON.stringify(JSON.parse(other)) === JSON.stringify(value));
  if (same !== undefined && draw() % 2 === 0) return same[0];
  const name = `d${String(Object.keys(files).length)}.json`;
  files[name] = text;
  return name;
}

const arns = fc.uniqueArray(fc.constantFrom(...ARNS), { maxLength: 4 });
const actions = fc.oneof(
  fc.constantFrom(...ACTIONS),
  fc.uniqueArray(fc.constantFrom(...ACTIONS), { minLength: 1, maxLength: 4 }),
);
const statement = fc
  .record(
    {
      Sid: fc.constantFrom('A', 'B'),
      Effect: fc.constantFrom('Allow', 'Deny'),
      Action: actions,
      Resource: fc.constantFrom<Json>('*', ['arn:aws:s3:::a', 'arn:aws:s3:::a/*'], 'arn:aws:s3:::b'),
      Condition: fc.constantFrom<Json>(
        { Bool: { 'aws:SecureTransport': 'true' } },
        { StringEquals: { 'aws:PrincipalTag/team': ['a', 'b'] } },
      ),
    },
    { requiredKeys: ['Effect', 'Action', 'Resource'] },
  )
  .map((value) => value as JsonObject);
const document = fc
  .uniqueArray(statement, { minLength: 1, maxLength: 3, selector: (one) => one['Sid'] ?? JSON.stringify(one) })
  .map((Statement): JsonObject => ({ Version: '2012-10-17', Statement }));
const documents = fc.dictionary(fc.constantFrom('state', 'logs', 'with.dot'), document, { maxKeys: 3 });
const tags = fc.dictionary(
  fc.constantFrom('team', 'cost', 'a:b'),
  fc.constantFrom('platform', '42', '', 'a b', 'true'),
  { maxKeys: 3 },
);
const description = fc.constantFrom('acme', ...TEXTS);
const trust = fc
  .uniqueArray(fc.constantFrom('ec2.amazonaws.com', 'lambda.amazonaws.com', 'ecs.amazonaws.com'), { minLength: 1 })
  .map((Service): JsonObject => ({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: { Service: Service.length === 1 ? (Service[0] ?? '') : Service },
        Action: 'sts:AssumeRole',
      },
    ],
  }));

const properties = {
  Role: fc.record(
    {
      description,
      maxSessionDuration: fc.constantFrom(3600, 7200),
      managedPolicyArns: arns,
      inlinePolicies: documents,
      tags,
      assumeRolePolicyDocument: trust,
    },
    { requiredKeys: ['assumeRolePolicyDocument'] },
  ),
  User: fc.record({ managedPolicyArns: arns, inlinePolicies: documents, tags }, { requiredKeys: [] }),
  Policy: fc.record({ policyDocument: document, tags, description }, { requiredKeys: ['policyDocument'] }),
} as const;

const entity = fc.constantFrom('Role', 'User', 'Policy').chain((kind) =>
  fc.record({
    kind: fc.constant(kind),
    name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
    properties: properties[kind as 'Role'],
    other: properties[kind as 'Role'],
    drifts: fc.subarray(
      Object.keys({
        description: 0,
        maxSessionDuration: 0,
        managedPolicyArns: 0,
        inlinePolicies: 0,
        tags: 0,
        assumeRolePolicyDocument: 0,
        policyDocument: 0,
      }),
    ),
  }),
);
const scene = fc.record({
  entities: fc.uniqueArray(entity, { minLength: 1, maxLength: 5, selector: ({ kind, name }) => `${kind}/${name}` }),
  numbers: fc.array(fc.nat(59), { minLength: 60, maxLength: 400 }),
});

/** Lets the account of a manifest have other values in some properties. */
function drift(account: Map<string, Editable>, entities: readonly fc_Entity[]): void {
  for (const { kind, name, other, drifts } of entities) {
    const captured = account.get(`${kind}/${name}`);
    if (captured === undefined) continue;
    for (const property of drifts) {
      const value = other[property];
      if (value === undefined) continue;
      if (property === 'tags')
        captured.tags = { ...(value as Record<string, string>), 'iam-bootstrap:namespace': 'ci' };
      else captured.spec[property] = structuredClone(value);
    }
  }
}
type fc_Entity = Entity & { readonly other: Readonly<Record<string, Json>>; readonly drifts: readonly string[] };

function comments(text: string, sort: string): string[] {
  return [...text.matchAll(new RegExp(`# ${sort} \\w+`, 'g'))].map(([found]) => found);
}

/** The entities that still differ from the account. */
function differing(files: Files, account: ReadonlyMap<string, Editable>): string[] {
  const file = manifestAmong(files);
  const resolved = resolveManifest([{ file, text: files[file] ?? '' }], optionsFor(files));
  if (!resolved.ok) throw new Error(JSON.stringify(resolved.problems));
  return resolved.request.entities.flatMap(({ kind, name, spec }) => {
    const captured = entityIn(account, `${kind}/${name}`);
    const { drift: found, unmanaged } = compare(
      spec,
      { ...captured, state: captured.spec },
      { rules: findKind(kind)?.properties ?? {}, partition: 'aws', removesUnmanaged: () => false, shared: false },
    );
    return found.length + unmanaged.length > 0 ? [`${kind}/${name}`] : [];
  });
}

const runs = { numRuns: 30 };

it('leaves every byte of a manifest that agrees with its account', () => {
  fc.assert(
    fc.property(scene, ({ entities, numbers }) => {
      const { files } = write(entities, numbers);
      const result = update(files, accountOf(files));
      expect(result).toMatchObject({ files: [], changes: [], patches: [] });
    }),
    runs,
  );
});

it('takes over all but what it tells to do by hand, and keeps what does not differ byte for byte', () => {
  fc.assert(
    fc.property(scene, ({ entities, numbers }) => {
      const { files, pieces } = write(entities, numbers);
      const account = accountOf(files);
      drift(account, entities);
      const result = update(files, account);
      const after = filesAfter(files, result);

      const byHand = new Set(result.patches.flatMap((patch) => patch.entities));
      expect(differing(after, account).filter((id) => !byHand.has(id))).toEqual([]);
      const again = update(after, account);
      expect(again.files).toEqual([]);
      expect(again.patches.map(({ entities: ids, to, reason }) => [ids, to, reason])).toEqual(
        result.patches.map(({ entities: ids, to, reason }) => [ids, to, reason]),
      );

      const [before, now] = [files['m.yaml'] ?? '', after['m.yaml'] ?? ''];
      expect(comments(now, 'own')).toEqual(comments(before, 'own'));
      const tails = comments(now, 'tail');
      expect(comments(before, 'tail').filter((comment) => tails.includes(comment))).toEqual(tails);
      expect(now.includes('\r\n')).toBe(before.includes('\r\n'));
      expect(/[^\r]\n/.test(now)).toBe(/[^\r]\n/.test(before));
      expect(now.endsWith('\n')).toBe(before.endsWith('\n'));
      let from = 0;
      const touched = new Set(
        entities.flatMap(({ kind, name, drifts }) => drifts.map((property) => `${kind}/${name} ${property}`)),
      );
      // An alias changes with its anchor.
      const isStable = ({ entity: id, property, text }: (typeof pieces)[number]) =>
        !touched.has(`${id} ${property}`) && !text.includes('&');
      for (const piece of pieces.filter(isStable)) {
        const found = now.indexOf(piece.text, from);
        expect({ piece: piece.text, isThere: found >= 0 }).toEqual({ piece: piece.text, isThere: true });
        from = found + piece.text.length;
      }
    }),
    runs,
  );
});
