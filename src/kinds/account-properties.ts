import { z } from 'zod';
import { lateError } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { Json, JsonObject, Target } from '../contract/entity.js';
import { accountArn, objectProperty, readEach } from './fields.js';
import type { Kind, Observed, Write, WantedEntity } from './kind.js';

const schema = z.strictObject({
  properties: z
    .record(
      z
        .string()
        .max(50)
        .regex(
          /^[A-Za-z][A-Za-z0-9_-]*\/[A-Za-z0-9_-]+$/,
          'write Namespace/PropertyName, with letters, digits, _ and -',
        ),
      z.string().min(1).max(1024),
    )
    .describe(
      'Values by `Namespace/PropertyName`, all of them text: "true". Those that are not named are left as they are. AWS can set a property and cannot remove one: `state: absent` is refused where the account has any.',
    ),
});

/** Of those that are declared; what the others are is nobody's business here. */
async function read(reader: Reader, { name, spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const { Properties: all = {} } = await reader.get('GetAccountProperties', {});
  const declared = spec['properties'];
  if (declared === undefined) return Object.keys(all).length === 0 ? undefined : observedOf(name, target, {});
  const shown = Object.keys(objectProperty(spec, 'properties')).flatMap((key) => {
    const value = all[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  return observedOf(name, target, { properties: Object.fromEntries(shown) });
}

function observedOf(name: string, target: Target, state: JsonObject): Observed {
  return { name, arn: accountArn(target), createdAt: null, tags: {}, state };
}

/** One call per namespace: AWS takes no two in one. */
function puts(properties: JsonObject): Write[] {
  const namespaces = new Map<string, Record<string, Json>>();
  for (const [key, value] of Object.entries(properties)) {
    const namespace = key.slice(0, key.indexOf('/'));
    namespaces.set(namespace, { ...namespaces.get(namespace), [key]: value });
  }
  return [...namespaces.values()].map((Properties) => ({ operation: 'PutAccountProperties', input: { Properties } }));
}

/** Settings of features that concern the whole account. */
export const accountProperties: Kind = {
  name: 'AccountProperties',
  keyProperties: [],
  schema,
  nameOf: () => 'account',
  arnOf: (_spec, target) => accountArn(target),
  dependsOnKinds: [],
  ownable: false,
  duplicateProtection: 'none is needed: every account has them, and every write sets them',
  recognizedBy: 'the reading: an account has them once',
  properties: {
    properties: { type: 'value', default: {} },
  },
  actions: {
    read: ['iam:GetAccountProperties'],
    write: ['iam:PutAccountProperties'],
  },

  detailType: null,
  readCost: 1,
  read,
  readMany: readEach(read),

  // Where any are declared they read as there, with those that are not set as drift: an update sets them.
  create: ({ spec }) => ({
    operation: 'PutAccountProperties',
    input: { Properties: objectProperty(spec, 'properties') },
  }),
  isAlreadyExistsError: () => false,
  observedAfterCreate: ({ name, spec, target }) => observedOf(name, target, spec),
  update({ spec }, { state }) {
    const shown = objectProperty(state, 'properties');
    const differing = Object.entries(objectProperty(spec, 'properties')).filter(([key, value]) => shown[key] !== value);
    return puts(Object.fromEntries(differing));
  },
  delete: () =>
    Promise.reject(
      lateError('UnmodifiableEntity', 'AWS cannot remove account properties; declare the values that they are to have'),
    ),
};
