import { z } from 'zod';
import type { Json, JsonObject } from '../../contract/entity.js';
import { hasPolicies, type ManifestKind } from './manifest-kind.js';
import { commonFields, commonSchema, defaultsSchema, environmentSchema, manifestSchema } from './fields.js';
import { fleetSchema } from './fleet-fields.js';
import { ENVIRONMENT_NAME } from './names.js';
import { isVariableName } from './template.js';

type Schema = Record<string, Json>;

const FILE: Schema = {
  type: 'object',
  description:
    "The content of a file, whose path is relative to the manifest's folder: a value in YAML or JSON, or a text where its name ends in neither.",
  properties: { $file: { type: 'string', minLength: 1 } },
  required: ['$file'],
  additionalProperties: false,
};
const TEMPLATE: Schema = {
  type: 'string',
  pattern: '\\{\\{',
  description: 'Text with {{name}} or {{arn Kind/name}} in it.',
};
const FILE_REFERENCE: Schema = { $ref: '#/$defs/file' };
const TEMPLATE_REFERENCE: Schema = { $ref: '#/$defs/template' };

/** Longer text usually comes from a file: ARNs are the longest text that people write in a line. */
const MAX_LINE_LENGTH = 4096;

/** Keywords that restrict text, and so would refuse a template. */
const TEXT_BOUNDS = ['pattern', 'enum', 'const', 'minLength', 'maxLength', 'format'];

/**
 * JSON Schema (2020-12) of the manifest, for editors: completion and checks while typing. It accepts more than
 * `validate` does, wherever a template or a file is allowed. The same kinds give the same schema, byte for byte.
 */
export function manifestJsonSchema(kinds: readonly ManifestKind[]): Readonly<Record<string, unknown>> {
  const definitions: Schema = { file: FILE, template: TEMPLATE };
  const fields = manifestSchema.shape;
  for (const kind of kinds) definitions[kind.name] = entitySchema(kind, definitions);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'iam-bootstrap manifest',
    type: 'object',
    properties: {
      version: converted(fields.version, 'version', definitions),
      namespace: converted(fields.namespace, 'namespace', definitions),
      environments: {
        type: 'object',
        description: fields.environments.description ?? '',
        minProperties: 1,
        propertyNames: { pattern: ENVIRONMENT_NAME.source },
        additionalProperties: tolerant(converted(environmentSchema, 'environment', definitions)),
      },
      fleets: {
        type: 'object',
        description: fields.fleets.description ?? '',
        minProperties: 1,
        propertyNames: { pattern: ENVIRONMENT_NAME.source },
        additionalProperties: fleetOf(definitions),
      },
      variables: {
        type: 'object',
        description: fields.variables.description ?? '',
        propertyNames: {
          pattern: '^[A-Za-z_][\\w-]*$',
          not: { enum: ['environment', 'account', 'partition', 'namespace', 'arn'].filter(isVariableName) },
        },
        additionalProperties: { type: 'string' },
      },
      defaults: described({ anyOf: [defaultsOf(definitions), FILE_REFERENCE] }, fields.defaults.description),
      orphans: converted(fields.orphans, 'orphans', definitions),
      entities: {
        type: 'array',
        description: fields.entities.description ?? '',
        items: { oneOf: [...kinds.map(({ name }): Schema => ({ $ref: `#/$defs/${name}` })), FILE_REFERENCE] },
      },
    },
    required: ['version', 'namespace', 'entities'],
    anyOf: [{ required: ['environments'] }, { required: ['fleets'] }],
    additionalProperties: false,
    $defs: definitions,
  };
}

/** Returns the schema of a fleet, whose values by account may stand in a file. */
function fleetOf(definitions: Schema): Schema {
  const schema = converted(fleetSchema, 'fleet', definitions);
  const { accountVariables, ...properties } = schema['properties'] as Record<string, Schema>;
  const values = described({ anyOf: [accountVariables ?? {}, FILE_REFERENCE] }, accountVariables?.['description']);
  return { ...schema, properties: { ...properties, accountVariables: values } };
}

/** Returns the schema of the defaults, without `adopt: foreign`, which single entities only can set. */
function defaultsOf(definitions: Schema): Schema {
  const schema = tolerant(converted(defaultsSchema, 'defaults', definitions));
  const properties = { ...(schema['properties'] as Schema) };
  properties['adopt'] = { anyOf: [{ type: 'string', enum: ['own', 'unowned'] }, TEMPLATE_REFERENCE] };
  return { ...schema, properties };
}

/** Returns the schema of an entity: the common fields and the kind's own properties. */
function entitySchema(kind: ManifestKind, definitions: Schema): Schema {
  const own = converted(kind.schema, kind.name, definitions);
  const common = converted(commonSchema, 'common', definitions);
  const ownProperties = { ...(own['properties'] as Schema | undefined) };
  const commonProperties = { ...(common['properties'] as Schema) };
  for (const field of Object.keys(commonFields)) Reflect.deleteProperty(ownProperties, field);
  if (!kind.ownable) Reflect.deleteProperty(commonProperties, 'tags');
  if (kind.renaming === undefined) Reflect.deleteProperty(commonProperties, 'renamedFrom');
  if (!hasPolicies(kind)) Reflect.deleteProperty(commonProperties, 'suppressFindings');
  if (kind.share === undefined) commonProperties['shared'] = { const: false };
  if (kind.listTrusting === undefined) commonProperties['deleteTrusted'] = { const: false };

  const properties: Schema = {};
  for (const [name, schema] of Object.entries({ ...ownProperties, ...commonProperties })) {
    properties[name] = tolerantValue(schema as Schema);
  }
  const short = kind.shorthand;
  if (short !== undefined) {
    properties[short.property] = tolerantValue(converted(short.schema, `${kind.name}.${short.property}`, definitions));
  }
  const required = (own['required'] as readonly string[] | undefined) ?? [];
  const always = required.filter((name) => !kind.keyProperties.includes(name) && name !== short?.replaces);
  return {
    type: 'object',
    title: kind.name,
    ...(kind.schema.description === undefined ? {} : { description: kind.schema.description }),
    properties: { kind: { const: kind.name }, ...properties },
    required: ['kind', ...required.filter((name) => kind.keyProperties.includes(name))],
    // An entity to remove needs only its name.
    if: { properties: { state: { enum: ['absent', 'released'] } }, required: ['state'] },
    else: {
      required: always,
      ...(short === undefined ? {} : { oneOf: [{ required: [short.replaces] }, { required: [short.property] }] }),
    },
    additionalProperties: false,
  };
}

/** Converts a zod schema to JSON Schema; its own definitions move to the common ones, under the owner's name. */
function converted(schema: z.ZodType, owner: string, definitions: Schema): Schema {
  const { $defs, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema;
  Reflect.deleteProperty(rest, '$schema');
  for (const [name, definition] of Object.entries(($defs ?? {}) as JsonObject)) {
    definitions[`${owner}.${name}`] = renamed(definition, owner);
  }
  return renamed(rest, owner) as Schema;
}

function renamed(value: Json, owner: string): Json {
  if (Array.isArray(value)) return value.map((member: Json) => renamed(member, owner));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([key, member]) => [
      key,
      key === '$ref' && typeof member === 'string'
        ? member.replace(/^#\/\$defs\//, `#/$defs/${owner}.`)
        : renamed(member, owner),
    ]),
  );
}

/** Returns a schema that accepts templates for restricted text, and files for objects and lists inside it. */
function tolerant(schema: Schema): Schema {
  const inner: Schema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'properties' && isSchema(value)) {
      inner[keyword] = Object.fromEntries(
        Object.entries(value).map(([name, property]) => [
          name,
          isSchema(property) ? tolerantValue(property) : property,
        ]),
      );
    } else if (keyword === 'additionalProperties' && isSchema(value)) inner[keyword] = tolerantValue(value);
    else if (keyword === 'items' && isSchema(value)) inner[keyword] = tolerantValue(value);
    else if (['anyOf', 'oneOf', 'allOf'].includes(keyword) && Array.isArray(value)) {
      inner[keyword] = value.map((member: Json) => (isSchema(member) ? tolerant(member) : member));
    } else if (keyword === 'propertyNames' && isSchema(value)) inner[keyword] = tolerantText(value);
    else inner[keyword] = value;
  }
  return isText(inner) ? tolerantText(inner) : inner;
}

function tolerantValue(schema: Schema): Schema {
  const value = tolerant(schema);
  if (schema['type'] !== 'object' && schema['type'] !== 'array') return value;
  return described({ anyOf: [value, FILE_REFERENCE] }, schema['description']);
}

/** Accepts a template beside the text that the schema restricts. */
function tolerantText(schema: Schema): Schema {
  if (!TEXT_BOUNDS.some((keyword) => Object.hasOwn(schema, keyword))) return schema;
  const { description, ...bound } = schema;
  const { maxLength = 0 } = schema;
  // Some documents are text: certificates, metadata.
  const isDocument = typeof maxLength === 'number' && maxLength > MAX_LINE_LENGTH;
  const others = isDocument ? [TEMPLATE_REFERENCE, FILE_REFERENCE] : [TEMPLATE_REFERENCE];
  return described({ anyOf: [bound, ...others] }, description);
}

function isText(schema: Schema): boolean {
  return schema['type'] === 'string';
}

function described(schema: Schema, description: Json | undefined): Schema {
  return typeof description === 'string' ? { description, ...schema } : schema;
}

function isSchema(value: Json | undefined): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
