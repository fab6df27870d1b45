import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAccount } from '../../src/activities/capture/read-account.js';
import type { Account } from '../../src/activities/runtime/accounts.js';
import { type AwsClients, createAwsClients } from '../../src/aws/clients.js';
import { awsError } from '../../src/aws/errors.js';
import { deriveSecretMembers, readSecretMembers } from '../../src/aws/secret-store.js';
import { writeManifest } from '../../src/client/capture/write-manifest.js';
import type { CapturedEntity } from '../../src/contract/capture.js';
import { entityId, type JsonObject } from '../../src/contract/entity.js';
import { resolveReferences } from '../../src/engine/references.js';
import { orderByEffect } from '../../src/engine/write-order.js';
import { findKind, KINDS } from '../../src/kinds/index.js';
import type { Kind, Write } from '../../src/kinds/kind.js';
import { declaredBy } from '../support/captured.js';
import { type Emulator, type EmulatorName, EMULATORS, startEmulator } from '../support/emulators/start.js';
import { KIND_FIXTURES } from '../support/kind-fixtures/index.js';
import { compareSpec, desiredOf, TARGET } from './kind-harness.js';

/**
 * The law of a capture: what is declared, applied and captured plans no change, for every kind and every property that AWS
 * shows, whatever plays AWS. A new kind brings its fixture, and a new property fails the last test until a fixture has it.
 */

/** Properties whose other value would need another key, or another certificate. */
const PAIRED: readonly string[] = ['certificateBody', 'certificateChain'];

/** The specs of a kind: with what IAM asks for, with every property, and with another value of each that can be changed. */
const CASES = KINDS.flatMap((kind) => {
  const { minimal, full, properties } = fixtureOf(kind);
  const changed = Object.entries(properties).flatMap(([property, law]) =>
    law.writeOnly === true || law.hasOwnTests === true || PAIRED.includes(property)
      ? []
      : [[property, law.changed] as const],
  );
  const specs = { minimal, full, changed: { ...full, ...Object.fromEntries(changed) } };
  return Object.entries(specs).map(([which, spec]) => [`${kind.name}, ${which}`, kind, spec] as const);
});

/** What an emulator lacks: a pattern of the failure, and the reason in words. */
type Lack = readonly [failure: RegExp, reason: string];

function lacks(...operations: readonly string[]): Lack {
  return [new RegExp(`^(?:${operations.join('|')}) answered`), `it does not know ${operations.join(' and ')}`];
}

/** The kinds that an emulator cannot play, all of their cases. */
const UNKNOWN: Readonly<Record<EmulatorName, Readonly<Record<string, Lack>>>> = {
  sandbox: {},
  moto: {
    AccountProperties: lacks('PutAccountProperties'),
    OrganizationsRootAccess: lacks('EnableOrganizationsRootCredentialsManagement'),
    OutboundWebIdentityFederation: lacks('EnableOutboundWebIdentityFederation'),
    SecurityTokenServicePreferences: lacks('SetSecurityTokenServicePreferences'),
    ServiceSpecificCredential: lacks('CreateServiceSpecificCredential'),
    VirtualMFADevice: lacks('ListMFADeviceTags'),
  },
  ministack: {
    AccountProperties: lacks('PutAccountProperties'),
    OrganizationsRootAccess: lacks('EnableOrganizationsRootCredentialsManagement'),
    OutboundWebIdentityFederation: lacks('EnableOutboundWebIdentityFederation'),
    SecurityTokenServicePreferences: lacks('SetSecurityTokenServicePreferences'),
    ServerCertificate: lacks('UploadServerCertificate'),
    ServiceSpecificCredential: lacks('CreateServiceSpecificCredential'),
    SigningCertificate: lacks('UploadSigningCertificate'),
    SSHPublicKey: lacks('UploadSSHPublicKey'),
    VirtualMFADevice: [
      /^ListMFADeviceTags answered|Invalid character found/,
      'it does not know ListMFADeviceTags, and its seeds are not in base 32',
    ],
  },
};

/** Properties that no captured manifest declares, with the reason. */
const NOT_DECLARED: Readonly<Record<string, string>> = {
  ...allOf('AccessKey', 'AWS shows its secret once'),
  ...allOf('ServiceSpecificCredential', 'AWS shows its secret once'),
  'LoginProfile.passwordResetRequired': 'to declare it would ask for one more reset',
  'LoginProfile.reset': 'it asks for a change, and AWS shows nothing of it',
  'SAMLProvider.oldPrivateKeys': 'it asks for a change, and AWS shows nothing of it',
};

/** The properties of captured manifests, as `Kind.property`. */
const declared = new Set<string>();

function allOf(name: string, reason: string): Readonly<Record<string, string>> {
  const properties = Object.keys(findKind(name)?.schema.shape ?? {});
  return Object.fromEntries(properties.map((property) => [`${name}.${property}`, reason]));
}

function fixtureOf({ name }: Pick<Kind, 'name'>): (typeof KIND_FIXTURES)[string] {
  const fixture = KIND_FIXTURES[name];
  if (fixture === undefined) throw new Error(`${name} has no fixture`);
  return fixture;
}

/** An account of an emulator, with what the engine's activities do to it. */
class Stage {
  readonly #clients: AwsClients;
  readonly #folder: string;

  constructor({ url }: Emulator, folder: string) {
    this.#folder = folder;
    this.#clients = createAwsClients(TARGET, { iamEndpoint: url, stsEndpoint: url, secretsFolder: folder });
  }

  async prepare({ secrets = {}, prerequisites }: (typeof KIND_FIXTURES)[string]): Promise<void> {
    for (const [file, text] of Object.entries(secrets)) {
      await writeFile(join(this.#folder, file), text, { mode: 0o600 });
    }
    for (const write of prerequisites) await this.#send(write);
  }

  /** Creates an entity, and updates what its Create leaves out. */
  async apply(kind: Kind, spec: JsonObject): Promise<void> {
    const desired = desiredOf(kind, spec);
    const { secret } = kind;
    const { secrets } = this.#clients;
    if (secret?.generateRecord !== undefined) {
      await secrets.writeRecord(secret.locationOf(spec), secret.generateRecord(desired));
    }
    const output = await this.#send(kind.create(desired));
    if (secret?.recordFromReply !== undefined) {
      await secrets.writeRecord(secret.locationOf(spec), secret.recordFromReply(output, desired));
    }
    const made = kind.observedAfterCreate(desired, output);
    for (const write of orderByEffect(kind.update(desired, made, compareSpec(kind, spec, made).changes))) {
      const reply = await this.#send(write);
      await write.waitUntilApplied?.(this.#clients.reader, reply);
    }
  }

  /** Captures the entities of a kind. Returns those of the manifest, and what a plan of it would change. */
  async captureAndPlan(kind: Kind, spec: JsonObject): Promise<readonly string[]> {
    const account: Account = { target: TARGET, clients: this.#clients, guard: GUARD };
    const { items, unread } = await readAccount(account, LEDGERS, { ...FILTER, kinds: [kind.name] });
    if (unread.length > 0) return unread.map(({ message }) => message);
    const entities = items.filter((item): item is CapturedEntity => !('leftOut' in item));
    const written = writeManifest(entities, WRITE_OPTIONS);
    const problems = [
      ...written.problems.map(({ message }) => message),
      ...written.leftOut.map(({ leftOut }) => leftOut),
      ...written.notDeclared.map(({ property, reason }) => `${property}: ${reason}`),
    ];
    const ownName = kind.nameOf({ ...spec, secret: { file: 'any' } });
    if (!items.some(({ name }) => name === ownName || name.startsWith(`${ownName}/`))) {
      const present = await kind.read(this.#clients.reader, { name: ownName, spec: keyOf(kind, spec) }, TARGET);
      if (present !== undefined) problems.push(`${ownName} is not captured`);
    }
    if (entities.length === 0) return problems;
    const arns = Object.fromEntries(written.captured.map((entity) => [entityId(entity), entity.arn]));
    for (const entity of declaredBy(written)) {
      const wanted = resolveReferences(entity.spec, arns);
      problems.push(...(await this.#plan(kind, wanted)));
      if (entity.name !== ownName) continue;
      for (const property of Object.keys(wanted)) declared.add(`${kind.name}.${property}`);
    }
    return problems;
  }

  async #plan(kind: Kind, wanted: JsonObject): Promise<readonly string[]> {
    const name = kind.nameOf(wanted);
    const observed = await kind.read(this.#clients.reader, { name, spec: wanted }, TARGET);
    if (observed === undefined) return [`${name} would be created`];
    const { drift, unmanaged } = compareSpec(kind, wanted, observed);
    return [...drift.map(({ path }) => `${path} would change`), ...unmanaged.map((line) => `${line} is not declared`)];
  }

  async #send({ operation, input, secretInput, record }: Write): Promise<unknown> {
    const { secrets } = this.#clients;
    const stored = record === undefined ? {} : ((await secrets.readRecord(record.location)) ?? {});
    const prepared = { ...stored, ...record?.before?.(stored) };
    if (record !== undefined) await secrets.writeRecord(record.location, prepared);
    const members = await readSecretMembers(secrets, secretInput);
    const secret = deriveSecretMembers(secretInput, members, Date.now());
    const { output } = await this.#clients.write(operation, { ...input, ...secret });
    if (record !== undefined) {
      await secrets.writeRecord(record.location, { ...prepared, ...record.after(output, prepared) });
    }
    return output;
  }
}

const GUARD = { ensure: () => Promise.resolve() } as unknown as Account['guard'];
const LEDGERS = { entityClaims: () => Promise.resolve([]) };
const FILTER = { namespace: 'law', names: [], path: null, tags: {}, owner: null };
const WRITE_OPTIONS = { target: TARGET, namespace: 'law', environment: 'dev', format: 'yaml' } as const;

function keyOf(kind: Kind, spec: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(spec).filter(([property]) => kind.keyProperties.includes(property)));
}

/** Returns what keeps the law from holding: an error of the emulator, or what a plan would change. */
async function problemsOf(stage: Stage, kind: Kind, spec: JsonObject): Promise<readonly string[]> {
  try {
    await stage.prepare(fixtureOf(kind));
    await stage.apply(kind, spec);
    return await stage.captureAndPlan(kind, spec);
  } catch (error) {
    const { operation, code, message } = awsError(error);
    return [`${operation ?? code} answered ${code}: ${message}`];
  }
}

describe.each(EMULATORS)('on %s', (name) => {
  let emulator: Emulator;
  let folder: string;

  beforeAll(async () => {
    process.env['AWS_ACCESS_KEY_ID'] = 'AKIATEST';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
    emulator = await startEmulator(name);
    // The first start installs the packages.
  }, 900_000);
  beforeEach(async () => {
    await emulator.reset();
    folder = await mkdtemp(join(tmpdir(), 'iam-bootstrap-capture-laws-'));
  });
  afterEach(() => rm(folder, { recursive: true }));
  afterAll(() => emulator.stop());

  const known = CASES.filter(([, kind]) => UNKNOWN[name][kind.name] === undefined);
  test.each(known)('%s: what is applied is captured, and plans no change', async (_title, kind, spec) => {
    expect(await problemsOf(new Stage(emulator, folder), kind, spec)).toEqual([]);
  });

  // An emulator that has learned a kind leaves the list.
  const unknown = CASES.flatMap(([title, kind, spec]) => {
    const lack = UNKNOWN[name][kind.name];
    return lack === undefined ? [] : [[title, lack[1], lack[0], kind, spec] as const];
  });
  if (unknown.length > 0) {
    test.each(unknown)('%s cannot be played: %s', async (_title, _reason, failure, kind, spec) => {
      const [problem = ''] = await problemsOf(new Stage(emulator, folder), kind, spec);
      expect(problem).toMatch(failure);
    });
  }
});

// After the cases on the sandbox, whose manifests it judges.
test('every property of every kind is in a captured manifest, or the reason why not is here', () => {
  const all = KINDS.flatMap((kind) => Object.keys(kind.schema.shape).map((property) => `${kind.name}.${property}`));
  expect(all.filter((property) => !declared.has(property)).sort()).toEqual(Object.keys(NOT_DECLARED).sort());
});

test('what emulators lack is of kinds that there are', () => {
  const names = EMULATORS.flatMap((name) => Object.keys(UNKNOWN[name]));
  expect(names.filter((name) => findKind(name) === undefined)).toEqual([]);
});
