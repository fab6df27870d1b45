import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAwsClients } from '../../src/aws/clients.js';
import type { AwsClients } from '../../src/aws/clients.js';
import { deriveSecretMembers, readSecretMembers } from '../../src/aws/secret-store.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { findKind } from '../../src/kinds/index.js';
import type { Write } from '../../src/kinds/kind.js';
import { KIND_FIXTURES } from './kind-fixtures/index.js';
import { ACCOUNT } from './world.js';
import type { World } from './world.js';

const TARGET = { account: ACCOUNT, partition: 'aws' };

/** A password that every password policy allows. */
const PASSWORD = 'By-hand-1-by-hand-1!';

/** Changes the account without the engine and without the proxy, with access to stored secrets. */
export class ExternalActor {
  readonly clients: AwsClients;
  readonly #world: World;

  constructor(world: World) {
    process.env['AWS_ACCESS_KEY_ID'] = 'AKIATEST';
    process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
    this.#world = world;
    this.clients = createAwsClients(TARGET, {
      iamEndpoint: world.sandbox.url,
      stsEndpoint: world.sandbox.url,
      secretsManagerEndpoint: world.sandbox.url,
      secretsFolder: join(world.directory, 'secrets'),
    });
  }

  async send(steps: readonly Write[]): Promise<void> {
    for (const step of steps) await this.#sendOne(step);
  }

  async #sendOne({ operation, input, secretInput }: Write): Promise<unknown> {
    const stored = await readSecretMembers(this.clients.secrets, secretInput);
    const secret = deriveSecretMembers(secretInput, stored, Date.now());
    return (await this.clients.write(operation, { ...input, ...secret })).output;
  }

  /** Stores the secrets that the fixtures of the kinds require. */
  async storeSecrets(): Promise<void> {
    const folder = join(this.#world.directory, 'secrets');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const { secrets = {} } of Object.values(KIND_FIXTURES)) {
      for (const [file, text] of Object.entries(secrets)) await writeFile(join(folder, file), text, { mode: 0o600 });
    }
  }

  /** Changes one property of the fixture's entity, which exists. */
  async changeProperty(kindName: string, property: string): Promise<void> {
    const kind = findKind(kindName);
    const fixture = KIND_FIXTURES[kindName];
    if (kind === undefined || fixture === undefined) throw new Error(`no kind ${kindName}`);
    const { manualWrites: byHand = [] } = fixture.properties[property] ?? {};
    if (typeof byHand !== 'function') {
      await this.send(byHand);
      return;
    }
    const wanted = { name: kind.nameOf(fixture.full), spec: fixture.full };
    const observed = await kind.read(this.clients.reader, wanted, TARGET);
    if (observed === undefined) throw new Error(`${kindName} is not there`);
    await this.send(byHand(observed));
  }

  /**
   * Creates an entity as the engine does, without ownership tags. Its secret is stored only where the stored record does
   * not identify the entity: a person keeps the seed of a device.
   */
  async create(kindName: string, spec: JsonObject): Promise<void> {
    const kind = findKind(kindName);
    if (kind === undefined) throw new Error(`no kind ${kindName}`);
    const desired = { name: kind.nameOf(spec), spec, tags: {}, target: TARGET };
    const create = kind.create(desired);
    const { Password, ...secretInput } = create.secretInput ?? {};
    const password = Password === undefined ? {} : { Password: PASSWORD };
    const output = await this.#sendOne({ ...create, input: { ...create.input, ...password }, secretInput });
    const { secret } = kind;
    if (!kind.ownable || secret?.recordFromReply === undefined) return;
    await this.clients.secrets.writeRecord(secret.locationOf(spec), secret.recordFromReply(output, desired));
  }
}
