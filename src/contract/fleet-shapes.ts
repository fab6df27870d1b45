import { FLEET_COMMANDS, type FleetRequest, type FleetSelection, type ManifestBundle, type Rollout } from './fleet.js';
import { pipeline, proof, REVISION, requestNamespace } from './request-shapes.js';
import type { Revision } from './revision.js';
import {
  fields,
  flag,
  integer,
  listOf,
  matching,
  object,
  oneOf,
  optional,
  positive,
  recordOf,
  type Shape,
  text,
} from './shape.js';

/** The name of a fleet: part of workflow IDs. */
const FLEET = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;

/** The largest number of waves that are worth having. */
export const MAX_WAVES = 1_000;

const share: Shape = (value, path) =>
  typeof value === 'number' && value >= 0 && value <= 100 ? null : `${path}: expected a number from 0 to 100`;

/** A {@link FleetLimit}: a count or a share. */
const limit: Shape = (value, path) => {
  const problem = object(value, path);
  if (problem !== null) return problem;
  const { accounts, percent } = value as Readonly<Record<string, unknown>>;
  return percent === undefined ? natural(accounts, `${path}.accounts`) : share(percent, `${path}.percent`);
};

const natural: Shape = (value, path) =>
  integer(value, path) ?? (Number(value) < 0 ? `${path}: expected an integer that is not negative` : null);

const waves: Shape = (value, path) =>
  listOf(limit)(value, path) ??
  ((value as readonly unknown[]).length > MAX_WAVES ? `${path}: has more than ${String(MAX_WAVES)} waves` : null);

/** The argument of the fleet workflow. */
export const fleetRequest: Shape = fields<FleetRequest>({
  version: integer,
  command: oneOf(...FLEET_COMMANDS),
  fleet: matching(FLEET, '1 to 63 letters, digits, dots, underscores and hyphens, beginning with a letter or digit'),
  namespace: requestNamespace,
  environment: text,
  partition: text,
  manifest: fields<Pick<ManifestBundle, 'sources' | 'files' | 'name'>>({
    sources: listOf(object),
    files: object,
    name: text,
  }),
  selection: fields<FleetSelection>({
    ids: listOf(text),
    organizationalUnits: listOf(text),
    tags: recordOf(text),
    exclude: listOf(text),
    organizationRole: optional(text),
  }),
  rollout: fields<Rollout>({ waves, concurrency: positive, maxFailures: limit, approveWaves: flag }),
  only: optional(listOf(text)),
  digest: matching(/^sha256:[0-9a-f]{64}$/, 'sha256: and 64 hexadecimal digits'),
  key: text,
  pipeline,
  keepGoing: flag,
  revision: optional(fields<Revision>(REVISION)),
  allowOlder: optional(flag),
  timeoutMs: optional(positive),
  proof: optional(proof),
});
