import { manifestJsonSchema } from '../../../../src/engine/manifest/schema.js';
import { KINDS } from '../../../../src/kinds/index.js';

type Schema = Readonly<Record<string, unknown>>;
const schema = manifestJsonSchema(KINDS);
const definitions = schema['$defs'] as Readonly<Record<string, Schema>>;
const propertiesOf = (kind: string): Readonly<Record<string, Schema>> =>
  definitions[kind]?.['properties'] as Readonly<Record<string, Schema>>;

describe('the JSON Schema of the manifest', () => {
  it('is the same every time', () => {
    expect(JSON.stringify(manifestJsonSchema(KINDS))).toBe(JSON.stringify(schema));
  });

  it('has one branch for each kind, told apart by kind', () => {
    const { items } = (schema['properties'] as Record<string, { items: { oneOf: Schema[] } }>)['entities'] ?? {
      items: { oneOf: [] },
    };
    expect(items.oneOf).toEqual([...KINDS.map(({ name }) => ({ $ref: `#/$defs/${name}` })), { $ref: '#/$defs/file' }]);
    for (const { name } of KINDS) expect(propertiesOf(name)['kind']).toEqual({ const: name });
  });

  it('knows the properties of a kind and the common ones, and no others', () => {
    expect(Object.keys(propertiesOf('Role')).sort()).toEqual([
      'adopt',
      'assumeRolePolicyDocument',
      'deleteTrusted',
      'description',
      'inlinePolicies',
      'kind',
      'managedPolicyArns',
      'maxSessionDuration',
      'observe',
      'path',
      'permissionsBoundary',
      'protect',
      'renamedFrom',
      'replace',
      'roleName',
      'shared',
      'state',
      'suppressFindings',
      'tags',
      'trust',
      'unmanaged',
    ]);
    expect(definitions['Role']?.['additionalProperties']).toBe(false);
    expect(Object.keys(propertiesOf('Group'))).not.toContain('tags');
    expect(Object.keys(propertiesOf('User'))).toContain('renamedFrom');
    expect(Object.keys(propertiesOf('AccessKey'))).not.toContain('renamedFrom');
    expect(Object.keys(propertiesOf('Group'))).toContain('suppressFindings');
    expect(Object.keys(propertiesOf('AccessKey'))).not.toContain('suppressFindings');
    expect(propertiesOf('User')['shared']).toEqual({ const: false });
    expect(propertiesOf('User')['deleteTrusted']).toEqual({ const: false });
  });

  it('asks for the name alone where an entity is to be absent', () => {
    expect(definitions['Role']).toMatchObject({
      required: ['kind', 'roleName'],
      if: { properties: { state: { enum: ['absent', 'released'] } }, required: ['state'] },
    });
  });

  it('accepts a template wherever text is bound, and a file wherever there is a map or a list', () => {
    const template = { $ref: '#/$defs/template' };
    const file = { $ref: '#/$defs/file' };
    expect(propertiesOf('User')['userName']).toMatchObject({ anyOf: [{ type: 'string', maxLength: 64 }, template] });
    expect(propertiesOf('User')['state']).toMatchObject({
      anyOf: [{ enum: ['present', 'absent', 'released'] }, template],
    });
    expect(propertiesOf('User')['tags']).toMatchObject({ anyOf: [{ type: 'object' }, file] });
    expect(propertiesOf('Group')['users']).toMatchObject({
      anyOf: [{ type: 'array', items: { anyOf: [{ type: 'string' }, template] } }, file],
    });
  });

  it('does not offer to adopt what belongs to others by default', () => {
    const { defaults } = schema['properties'] as Record<string, { anyOf: { properties: Record<string, Schema> }[] }>;
    expect(JSON.stringify(defaults?.anyOf[0]?.properties['adopt'])).not.toContain('foreign');
  });

  it('refers to nothing that it does not define', () => {
    const references = [...JSON.stringify(schema).matchAll(/"\$ref":"#\/\$defs\/([^"]+)"/g)].map(([, name]) => name);
    for (const name of references) expect(Object.keys(definitions)).toContain(name);
  });
});
