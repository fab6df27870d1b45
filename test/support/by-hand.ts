import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAwsClients } from '../../src/aws/clients.js';
import type { AwsClients } from '../../src/aws/clients.js';
import { secretMembers } from '../../src/aws/secrets.js';
import type { JsonObject } from '../../src/contract/entity.js';
import { findKind } from '../../src/kinds/index.js';
import type { Write } from '../../src/kinds/kind.js';
import { KIND_FIXTURES } from './kind-fixtures/index.js';
import { ACCOUNT } from './world.js';
import type { World } from './world.js';

const TARGET = { account: ACCOUNT, partition: 'aws' };

/** A password that every account takes. */
const PASSWORD = 'By-hand-1-by-hand-1!';

/** Somebody beside the engine, who does not go through the proxy and knows where secrets are stored. */
export class Somebody {
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

  async sends(steps: readonly Write[]): Promise<void> {
    for (const { operation, input, secretInput } of steps) {
      const secret = await secretMembers(this.clients.secrets, secretInput);
      await this.clients.write(operation, { ...input, ...secret });
    }
  }

  /** Stores the secrets that the kinds' fixtures begin with. */
  async storesSecrets(): Promise<void> {
    const folder = join(this.#world.directory, 'secrets');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const { secrets = {} } of Object.values(KIND_FIXTURES)) {
      for (const [file, text] of Object.entries(secrets)) await writeFile(join(folder, file), text, { mode: 0o600 });
    }
  }

  /** Changes one property of the fixture's entity, which is there. */
  async changes(kindName: string, property: string): Promise<void> {
    const kind = findKind(kindName);
    const fixture = KIND_FIXTURES[kindName];
    if (kind === undefined || fixture === undefined) throw new Error(`no kind ${kindName}`);
    const { byHand = [] } = fixture.properties[property] ?? {};
    if (typeof byHand !== 'function') {
      await this.sends(byHand);
      return;
    }
    const wanted = { name: kind.nameOf(fixture.full), spec: fixture.full };
    const observed = await kind.read(this.clients.reader, wanted, TARGET);
    if (observed === undefined) throw new Error(`${kindName} is not there`);
    await this.sends(byHand(observed));
  }

  /** Makes an entity as the engine would, without marks and without storing what AWS reveals. */
  async makes(kindName: string, spec: JsonObject): Promise<void> {
    const kind = findKind(kindName);
    if (kind === undefined) throw new Error(`no kind ${kindName}`);
    const create = kind.create({ name: kind.nameOf(spec), spec, tags: {}, target: TARGET, shared: false });
    const { Password, ...secretInput } = create.secretInput ?? {};
    const password = Password === undefined ? {} : { Password: PASSWORD };
    await this.sends([{ ...create, input: { ...create.input, ...password }, secretInput }]);
  }
}
