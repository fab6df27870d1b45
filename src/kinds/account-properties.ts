import { z } from 'zod';
import { lateError } from '../aws/errors.js';
import type { Reader } from '../aws/reader.js';
import type { Json, JsonObject, Target } from '../contract/entity.js';
import { objectOrEmpty, ownValue } from '../engine/json.js';
import type { Kind, Observed, WantedEntity, Write } from './kind.js';
import { accountSetting, observedSetting } from './shared/base-kinds.js';

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
      'Values by `Namespace/PropertyName`, all of them text: "true". Other properties stay unchanged. AWS can set a property but cannot remove one: `state: absent` is refused where the account has any.',
    ),
});

/** Reads the declared properties only; the others are not managed. */
async function read(reader: Reader, { spec }: WantedEntity, target: Target): Promise<Observed | undefined> {
  const { Properties: present = {} } = await reader.get('GetAccountProperties', {});
  if (spec['properties'] === undefined) {
    return Object.keys(present).length === 0 ? undefined : observedSetting(target, {});
  }
  const shown = Object.keys(objectOrEmpty(spec['properties'])).flatMap((key) => {
    const value = ownValue(present, key);
    return value === undefined ? [] : [[key, value] as const];
  });
  return observedSetting(target, { properties: Object.fromEntries(shown) });
}

/** Returns one write for each namespace of properties, since AWS takes one namespace in a call. */
function writesOf(properties: JsonObject): Write[] {
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
  ...accountSetting(read),
  async listAll({ reader }) {
    const { Properties: properties = {} } = await reader.get('GetAccountProperties', {});
    return Object.keys(properties).length === 0 ? [] : [{ name: 'account', spec: { properties } }];
  },
  schema,
  duplicateProtection: 'not needed: every account has these properties, and every write sets them',
  recognizedBy: 'the read: an account has one set of properties',
  properties: { properties: { type: 'value', default: {} } },
  actions: { read: ['iam:GetAccountProperties'], write: ['iam:PutAccountProperties'] },

  // Declared properties always read as present, with missing values as drift, so that updates set them.
  create: ({ spec }) => ({
    operation: 'PutAccountProperties',
    input: { Properties: objectOrEmpty(spec['properties']) },
  }),
  isAlreadyExistsError: () => false,
  observedAfterCreate: ({ spec, target }) => observedSetting(target, spec),
  update({ spec }, { state }) {
    const shown = objectOrEmpty(state['properties']);
    const differing = Object.entries(objectOrEmpty(spec['properties'])).filter(
      ([key, value]) => ownValue(shown, key) !== value,
    );
    return writesOf(Object.fromEntries(differing));
  },
  delete() {
    const message = 'AWS cannot remove account properties; declare the values that they should have';
    throw lateError('UnmodifiableEntity', message);
  },
};
