import { z } from 'zod';
import type { JsonObject } from '../../src/contract/entity.js';
import { commonSchema } from '../../src/engine/manifest/fields.js';
import { KINDS } from '../../src/kinds/index.js';
import type { Kind } from '../../src/kinds/kind.js';
import { desiredOf } from './kind-harness.js';
import { COMPOSED, ServiceModel, camelCase, createOf, fixtureOf, samplesOf } from './service-model.js';

/** Compares every kind with AWS's own model of IAM. */

/** Actions that AWS asks for and that no operation is named after. */
const PERMISSIONS_ONLY = ['iam:PassRole'];

/** Values that the model takes and a kind refuses: the `Kind.property`, the samples, and the reason. */
const STRICTER: readonly { readonly of: RegExp; readonly what: RegExp; readonly because: string }[] = [
  {
    of: /\.(assumeRolePolicyDocument|policyDocument|inlinePolicies)$/,
    what: /^131072 characters$/,
    because: "AWS's quotas for documents are lower than the model's bound, and cannot be raised above ours",
  },
  { of: /\.tags$/, what: /^50 members$/, because: 'some of the fifty are kept for the marks of ownership' },
  { of: /\.url$/, what: /^1 characters$/, because: 'AWS documents that the URL begins with https://' },
  { of: /\.status$/, what: /^"Expired"$/, because: 'AWS sets it, and takes it from nobody' },
  {
    of: /^AccountProperties\.properties$/,
    what: /^1 characters$|^"\/"/,
    because: 'AWS documents keys as Namespace/PropertyName',
  },
  {
    of: /\.(certificateBody|certificateChain|sshPublicKeyBody)$/,
    what: /^1 characters$| inside$| at the end$/,
    because: 'AWS looks into it as well, and finds no certificate and no key',
  },
  {
    of: /^VirtualMFADevice\.path$/,
    what: /^"[!{]" inside$/,
    because: 'the path is a part of the serial number, whose pattern is narrower',
  },
];

/** Messages of the errors that mean "already exists" only with them. */
const MESSAGES: Readonly<Record<string, string>> = {
  // The code says as well that the service allows no suffix, or has no such role.
  InvalidInput: 'Service role name AWSServiceRoleForLaw has been taken in this account, please try a different suffix.',
};

let model: ServiceModel;

beforeAll(async () => {
  model = await ServiceModel.load();
}, 120_000);

/** A kind's properties as a manifest's are checked: tags are the engine's. */
function schemaOf(kind: Kind): z.ZodObject {
  const { shape } = kind.schema;
  return kind.ownable ? z.strictObject({ ...shape, tags: commonSchema.shape.tags }) : kind.schema;
}

function takes(kind: Kind, spec: JsonObject, property: string): boolean {
  const issues = schemaOf(kind).safeParse(spec).error?.issues ?? [];
  return !issues.some(({ path }) => path[0] === property);
}

describe.each(KINDS.map((kind) => [kind.name, kind] as const))('%s', (_name, kind) => {
  const fixture = fixtureOf(kind);
  const properties = Object.keys(kind.schema.shape);
  const create = createOf(kind);

  test('its actions are operations of the model', () => {
    const actions = [...kind.actions.read, ...kind.actions.write].filter((one) => !PERMISSIONS_ONLY.includes(one));
    expect(actions.filter((one) => !model.hasOperation(one.replace(/^iam:/, '')))).toEqual([]);
    expect(kind.actions.write).toContain(`iam:${create}`);
  });

  if (kind.shorthand !== undefined) {
    const { property, replaces } = kind.shorthand;
    test(`${property} stands for a property of the model, and is none itself`, () => {
      expect(model.memberOf(kind, create, replaces)).toBeDefined();
      expect(model.memberOf(kind, create, property)).toBeUndefined();
      expect([...properties, ...Object.keys(commonSchema.shape)]).not.toContain(property);
    });
  }

  if (properties.length > 0) {
    test.each(properties)('%s is named as AWS names it, or is an exception', (property) => {
      const composed = COMPOSED[`${kind.name}.${property}`];
      const members = composed
        ? [composed.item, composed.key, composed.value].filter((member) => member !== undefined)
        : [model.memberOf(kind, create, property) ?? `no member is named ${property}`];
      for (const member of members) expect(() => model.member(member)).not.toThrow();
    });

    test.each(properties)('%s is taken and refused as AWS does', (property) => {
      const disagreements = samplesOf(model, kind, property).flatMap(({ what, value, admitted }) => {
        const taken = takes(kind, { ...fixture.full, [property]: value }, property);
        const isStricter = admitted && STRICTER.some((row) => isAbout(row, kind, property, what));
        return taken === admitted || isStricter ? [] : [`AWS ${admitted ? 'takes' : 'refuses'} ${what}`];
      });
      expect(disagreements).toEqual([]);
    });
  }

  test('its Create sends members that the operation has, and all that it requires', () => {
    for (const spec of [fixture.minimal, fixture.full]) {
      const { input, secretInput = {} } = kind.create(desiredOf(kind, spec));
      const sent = [...Object.keys(input), ...Object.keys(secretInput)];
      const { members = {}, required = [] } = model.input(create);
      expect(sent.filter((member) => !Object.hasOwn(members, member))).toEqual([]);
      expect(required.filter((member) => !sent.includes(member))).toEqual([]);
    }
  });

  test('what the Create requires of the manifest, the schema requires', () => {
    const required = (model.input(create).required ?? []).map(camelCase).filter((name) => properties.includes(name));
    const { full } = fixture;
    const without = (property: string): JsonObject =>
      Object.fromEntries(Object.entries(full).filter(([name]) => name !== property));
    expect(required.filter((property) => takes(kind, without(property), property))).toEqual([]);
  });

  test('it takes for "already exists" what its Create declares as such, and no other error', () => {
    const recognised = model.allErrors().filter((code) => {
      const error = {
        code,
        message: MESSAGES[code] ?? '',
        operation: null,
        requestId: null,
        httpStatus: 409,
        unclear: false,
      };
      return kind.isAlreadyExistsError(error);
    });
    const declared = model.errors(create);
    expect(recognised.filter((code) => !declared.includes(code))).toEqual([]);
    const telling = declared.filter((code) => /AlreadyExists|Duplicate|(?<!Not)Enabled$/.test(code));
    expect(telling.filter((code) => !recognised.includes(code))).toEqual([]);
  });
});

test('every exception here is one of a kind that there is, and is needed', () => {
  const names = new Set(KINDS.flatMap((kind) => Object.keys(kind.schema.shape).map((name) => `${kind.name}.${name}`)));
  expect(Object.keys(COMPOSED).filter((name) => !names.has(name))).toEqual([]);
  const refused = KINDS.flatMap((kind) =>
    Object.keys(kind.schema.shape).flatMap((property) =>
      samplesOf(model, kind, property)
        .filter(
          ({ value, admitted }) => admitted && !takes(kind, { ...fixtureOf(kind).full, [property]: value }, property),
        )
        .map(({ what }) => [kind, property, what] as const),
    ),
  );
  expect(STRICTER.filter((row) => !refused.some((one) => isAbout(row, ...one))).map(({ because }) => because)).toEqual(
    [],
  );
});

function isAbout(row: (typeof STRICTER)[number], kind: Kind, property: string, what: string): boolean {
  return row.of.test(`${kind.name}.${property}`) && row.what.test(what);
}
