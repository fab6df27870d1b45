// Generates docs/kinds.md: a table of all kinds, and a section for each.
import { createRequire } from 'node:module';
import { z } from 'zod';

const { commonSchema } = createRequire(import.meta.url)('../dist/engine/manifest/fields.js');

const code = (text) => `\`${text}\``;
const list = (items) => items.map(code).join(', ');
const table = (head, rows) =>
  [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** The properties as a manifest writes them; `tags` are the same for every kind. */
function propertiesOf(kind) {
  const { properties = {}, required = [] } = jsonSchema(kind.schema);
  return Object.entries(properties).map(([name, own]) => {
    const schema = name === 'tags' ? jsonSchema(commonSchema.shape.tags) : own;
    const rule = kind.properties[name];
    const isKey = kind.keyProperties.includes(name);
    const isRequired = required.includes(name);
    return { name, schema, rule, isKey, isRequired, isUpdatable: !isKey && isUpdatable(rule) };
  });
}

function jsonSchema(schema) {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
}

function isUpdatable(rule) {
  return rule === undefined || (rule.immutable !== true && rule.type !== 'writeOnly');
}

function whenChanged({ rule, isKey, isUpdatable }) {
  if (isKey) return 'names another';
  if (isUpdatable) return 'updated';
  return rule.type === 'writeOnly' ? 'not seen: AWS does not show it' : 'refused, unless `replace: true`';
}

/** A value's type and its bounds, in words. */
function valueText(schema, rule) {
  const { anyOf, enum: values, minimum, maximum, minItems, maxItems, minLength, maxLength, items } = schema;
  if (anyOf !== undefined) return anyOf.map((one) => valueText(one)).join(' or ');
  if (values !== undefined) return list(values);
  switch (schema.type) {
    case 'string':
      return ['text', bounds(minLength, maxLength, 'characters'), ...patternsOf(schema)].filter(Boolean).join(', ');
    case 'integer':
      return ['whole number', bounds(minimum, maximum)].filter(Boolean).join(', ');
    case 'boolean':
      return '`true` or `false`';
    case 'null':
      return '`null`';
    case 'array':
      return [`list of: ${valueText(items)}`, bounds(minItems, maxItems, 'members')].filter(Boolean).join('; ');
    case 'object':
      if (schema.properties !== undefined) return `{ ${Object.keys(schema.properties).map(code).join(', ')} }`;
      return `map of: ${valueText(schema.propertyNames)}; to: ${valueText(schema.additionalProperties)}`;
    default:
      return rule === undefined || rule.type.startsWith('document') ? 'policy document' : 'any';
  }
}

function bounds(least, most, what = '') {
  const unit = what === '' ? '' : ` ${(most ?? least) === 1 ? what.replace(/s$/, '') : what}`;
  if (least === most) return least === undefined ? '' : `${least}${unit}`;
  if (most === undefined) return `at least ${least}${unit}`;
  return `${least === undefined ? 'at most' : `${least} to`} ${most}${unit}`;
}

function patternsOf({ pattern, allOf = [] }) {
  return [...(pattern === undefined ? [] : [pattern]), ...allOf.map((one) => one.pattern)].map(code);
}

/** What a kind's secret is, and when it is stored. */
function secretText({ secret }) {
  if (secret === undefined) return 'none that AWS reveals';
  return secret.generateRecord === undefined
    ? 'AWS shows it once, in the answer to the Create; it is stored at once, and is never in a report or a history'
    : 'generated and stored before the Create, and never in a report or a history';
}

function adoptable(kind) {
  // What AWS gives no name is known by its stored record, which others have not.
  if (kind.keyProperties.includes('secret')) return 'no: what others made is left alone';
  return kind.ownable ? 'yes' : 'yes, unmarked';
}

/** Quotas of the account that a spec can reach. */
function quotasOf(kind) {
  const everything = Object.fromEntries(Object.keys(kind.schema.shape).map((name) => [name, {}]));
  const demands = (kind.quotaUsage?.(everything) ?? []).map(({ quota }) => quota);
  return [...new Set([...(kind.quota === undefined ? [] : [kind.quota.limit]), ...demands])];
}

const keyOf = ({ keyProperties }) => (keyProperties.length === 0 ? 'the account' : list(keyProperties));
const updatableOf = (kind) =>
  list(propertiesOf(kind).flatMap((one) => (one.isUpdatable ? [one.name] : []))) || 'nothing';

/** One row for each kind. */
function kindsTable(kinds) {
  const laws = '[laws](../test/kinds/laws.test.ts)';
  const ownership = '[ownership](../test/integration/ownership-table.test.ts)';
  return table(
    [
      'kind',
      'key',
      'guard against a second one',
      'how "exists" is recognized',
      'carries an owner',
      'adoptable',
      'updatable',
      'proved by',
    ],
    kinds.map((kind) => [
      kind.name,
      keyOf(kind),
      kind.duplicateProtection,
      kind.recognizedBy,
      kind.ownable ? 'yes' : 'no: no tags',
      adoptable(kind),
      updatableOf(kind),
      `${laws} › ${kind.name}, ${ownership}`,
    ]),
  );
}

/** The row of a property that is written in place of another. */
function shortRow({ property, replaces, schema }) {
  const { description, ...own } = jsonSchema(schema);
  const page = `See [${property} recipes](${property}.md).`;
  return [code(property), valueText(own), `in place of ${code(replaces)}`, 'updated', `${description} ${page}`];
}

function section(kind) {
  const facts = [
    ['Guard against a second one', kind.duplicateProtection],
    ['How one that exists is recognized', kind.recognizedBy],
    [
      'Owner',
      kind.ownable
        ? `in its tags${kind.tagsAfterCreate === true ? ', put on after the Create' : ''}`
        : 'not shown: AWS gives it no tags',
    ],
    ['Adoptable', adoptable(kind)],
    ['`shared: true`', kind.share === undefined ? 'refused' : 'allowed: namespaces declare it together'],
    ['Depends on', kind.dependsOnKinds.join(', ') || 'nothing of another kind'],
    ['Secret', secretText(kind)],
    ['Quotas looked at', list(quotasOf(kind)) || 'none'],
    ['Actions that read', list(kind.actions.read)],
    ['Actions that write', list(kind.actions.write)],
  ];
  const properties = propertiesOf(kind).flatMap((one) => {
    const short = kind.shorthand?.replaces === one.name ? kind.shorthand : undefined;
    const required = short === undefined ? 'required' : `required, or ${code(short.property)}`;
    const row = [
      code(one.name),
      valueText(one.schema, one.rule),
      [one.isKey ? 'key' : '', one.isRequired ? required : ''].filter(Boolean).join(', '),
      whenChanged(one),
      one.schema.description ?? '',
    ];
    return short === undefined ? [row] : [row, shortRow(short)];
  });
  return [
    `## ${kind.name}`,
    properties.length === 0
      ? 'It has no properties of its own.'
      : table(['property', 'value', '', 'when it changes', 'what it is'], properties),
    facts.map(([name, text]) => `- ${name}: ${text}`).join('\n'),
  ].join('\n\n');
}

/** The quotas of IAM, and what to do where one is used up. */
function quotasTable(quotas) {
  return table(
    ['quota', 'default', 'AWS raises it up to', 'or'],
    quotas.map(({ name, value, raisedTo, instead }) => [
      name,
      String(value),
      String(raisedTo ?? 'not raised'),
      instead,
    ]),
  );
}

/** The page about all kinds. */
export function kindsPage(kinds, quotas) {
  return [
    '# Kinds',
    kindsTable(kinds),
    "Beside its own properties every entity has those of [the manifest's schema](../schema/manifest.schema.json): `state`, `adopt`, `observe`, `shared`, `unmanaged`, `replace`, `protect`, `renamedFrom` where it can be renamed, and `suppressFindings` where it has policies. The worker's least-privilege policy for all kinds is [operator-policy.json](operator-policy.json).",
    ...kinds.map(section),
    '## Quotas',
    'The remedy of an entity that a quota refuses is taken from this table. Sources: [IAM and AWS STS quotas](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html) and Service Quotas. The values of an account are read with `GetAccountSummary`, as far as it shows them.',
    quotasTable(quotas),
    '## Not supported',
    "Neither the AWS SDK in use (`@aws-sdk/client-iam`) nor the service model of the sandbox has them: `MaxSigninSessionDuration` of roles and login profiles, `UpdateOpenIDConnectProvider` and the context provider of an OpenID Connect provider. They follow when the SDK has them. Delegation requests and role templates are requests of people, and nothing to declare. A role that IAM made from a template (`AcquireRole`) belongs to IAM's role manager: it is adopted only with `adopt: foreign`.",
  ].join('\n\n');
}
