// Makes the types of TypeScript manifests from the manifest's JSON schema, so that an editor completes and checks them.
import { compile } from 'json-schema-to-typescript';
import ts from 'typescript';

/** A policy document: the schema says nothing of what is in it. */
const DOCUMENT = { tsType: 'PolicyDocument | FileReference' };

const isTemplate = (schema) => schema?.$ref === '#/$defs/template';
const isObject = (value) => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A property that another one takes the place of. */
const NEVER = { tsType: 'never' };

/** Returns the schema with what TypeScript can tell, and without what only a check of values can. */
function typed(schema) {
  if (Array.isArray(schema)) return schema.map(typed);
  if (!isObject(schema)) return schema;
  const { description } = schema;
  const documented = description === undefined ? {} : { description };
  if (schema.type === 'string' && schema.enum === undefined && schema.const === undefined) {
    return { ...documented, type: 'string' };
  }
  if (Array.isArray(schema.anyOf)) {
    const members = schema.anyOf.filter((member) => !isTemplate(member)).map(typed);
    const templates =
      members.length < schema.anyOf.length && !members.some(isPlainText) ? [{ tsType: 'Template' }] : [];
    const all = [...members, ...templates];
    return all.length === 1 ? { ...all[0], ...documented } : { ...documented, anyOf: all };
  }
  const { propertyNames, pattern, ...rest } = schema;
  if (isObject(rest.additionalProperties) && isUnknown(rest.additionalProperties)) rest.additionalProperties = DOCUMENT;
  return Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [key, key === 'required' ? value : typed(value)]),
  );
}

const isUnknown = (schema) => Object.keys(schema).every((key) => key === 'description');
const isPlainText = ({ type, enum: values }) => type === 'string' && values === undefined;

/** Returns the properties with their types. */
function propertiesOf(properties) {
  return Object.fromEntries(
    Object.entries(properties).map(([name, schema]) => [
      name,
      isUnknown(schema) ? { ...schema, ...DOCUMENT } : typed(schema),
    ]),
  );
}

/** Returns the schemas of a kind's entities that exist: one, or one for each way to declare a property. */
function presentSchemas(name, { properties, required, description, else: present }) {
  const { state, ...others } = propertiesOf(properties);
  const alternatives = (present.oneOf ?? [{ required: [] }]).map((alternative) => alternative.required);
  const choices = alternatives.flat();
  return alternatives.map((chosen) => ({
    type: 'object',
    title: chosen.length === 0 ? name : `${name}With${chosen[0][0].toUpperCase()}${chosen[0].slice(1)}`,
    ...(description === undefined ? {} : { description }),
    properties: {
      ...others,
      ...Object.fromEntries(choices.filter((choice) => !chosen.includes(choice)).map((choice) => [choice, NEVER])),
      state: { description: 'The default.', const: 'present' },
    },
    required: [...required, ...present.required, ...chosen],
    additionalProperties: false,
  }));
}

/** Returns the module with the types of a manifest, as source. */
export async function manifestTypes({ $defs, properties, required }) {
  const kinds = Object.entries($defs).filter(([, schema]) => schema.properties?.kind !== undefined);
  const definitions = Object.fromEntries(
    Object.entries($defs)
      .filter(([name, schema]) => name !== 'template' && schema.properties?.kind === undefined)
      .map(([name, schema]) => [name, typed(schema)]),
  );
  definitions.file.title = 'FileReference';
  const entities = [];
  for (const [name, schema] of kinds) {
    const schemas = presentSchemas(name, schema);
    for (const one of schemas) definitions[one.title] = one;
    const names = schemas.map(({ title }) => title).join(' | ');
    const keys = schema.required.map((key) => `'${key}'`).join(' | ');
    entities.push({ name, names, keys });
  }
  const manifest = {
    $defs: definitions,
    type: 'object',
    title: 'Manifest',
    description: 'A manifest, as YAML writes it.',
    properties: {
      ...typed(properties),
      entities: { ...properties.entities, items: { tsType: '(Entity | FileReference)' } },
    },
    required,
    additionalProperties: false,
  };
  const source = await compile(manifest, 'Manifest', {
    bannerComment: HEAD,
    format: false,
    ignoreMinAndMaxItems: true,
    unreachableDefinitions: true,
  });
  const own = source.replaceAll(
    /^ \*\n \* This interface was referenced by[^]*?(?= \*\/)|^ \* This interface was referenced by[^]*?(?= \*\/)/gm,
    '',
  );
  return withReadonlyLists(`${own.replaceAll(/\/\*\*\n \*\/\n/g, '')}\n${entityTypes(entities)}`);
}

const HEAD = `// Made by \`npm run gen\` from the kinds' schemas. Do not edit.
import type { PolicyDocument } from './policy-document.js';

/** Text with {{name}} or {{arn Kind/name}} in it. */
export type Template = \`\${string}{{\${string}}}\${string}\`;
`;

function entityTypes(entities) {
  const aliases = entities.filter(({ name, names }) => name !== names);
  return `
/** An entity that is to be removed, or to be let go: its name is enough. */
export type Removed<T, Name extends keyof T> = T extends unknown
  ? Pick<T, Name> & Partial<Omit<T, Name | 'state'>> & { state: 'absent' | 'released' }
  : never;

${aliases.map(({ name, names }) => `export type ${name} = ${names};`).join('\n')}

/** An entity of any kind. */
export type Entity = ${entities.map(({ name, keys }) => `Removed<${name}, ${keys}> | ${name}`).join(' | ')};
`;
}

/** Lets a list be a constant. */
function withReadonlyLists(source) {
  const starts = [];
  const visit = (node) => {
    if (ts.isArrayTypeNode(node)) starts.push(node.getStart());
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('types.ts', source, ts.ScriptTarget.Latest, true));
  return starts.sort((a, b) => b - a).reduce((text, at) => `${text.slice(0, at)}readonly ${text.slice(at)}`, source);
}
