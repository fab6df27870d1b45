import {
  CloseAccountCommand,
  CreateAccountCommand,
  CreateOrganizationalUnitCommand,
  CreateOrganizationCommand,
  ListRootsCommand,
  MoveAccountCommand,
  OrganizationsClient,
} from '@aws-sdk/client-organizations';
import { ACCOUNT } from './world.js';

/** The administrator of an organization that the sandbox's own account manages. */
export class Administrator {
  readonly #url: string;
  readonly #client: OrganizationsClient;
  #root = '';

  constructor(url: string) {
    this.#url = url;
    this.#client = new OrganizationsClient({
      endpoint: url,
      region: 'us-east-1',
      credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'sandbox' },
    });
  }

  /** Creates the organization, and returns its root. */
  async found(): Promise<string> {
    await this.#client.send(new CreateOrganizationCommand({ FeatureSet: 'ALL' }));
    this.#root = (await this.#client.send(new ListRootsCommand({}))).Roots?.[0]?.Id ?? '';
    return this.#root;
  }

  async unit(name: string, parent = this.#root): Promise<string> {
    const { OrganizationalUnit } = await this.#client.send(
      new CreateOrganizationalUnitCommand({ Name: name, ParentId: parent }),
    );
    return OrganizationalUnit?.Id ?? '';
  }

  /** Creates an account in a unit, and returns its ID. */
  async account(name: string, unit: string, tags: Record<string, string> = {}): Promise<string> {
    const { CreateAccountStatus } = await this.#client.send(
      new CreateAccountCommand({
        AccountName: name,
        Email: `${name}@example.com`,
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      }),
    );
    const AccountId = CreateAccountStatus?.AccountId ?? '';
    if (unit !== this.#root) {
      await this.#client.send(
        new MoveAccountCommand({ AccountId, SourceParentId: this.#root, DestinationParentId: unit }),
      );
    }
    return AccountId;
  }

  async close(id: string): Promise<void> {
    await this.#client.send(new CloseAccountCommand({ AccountId: id }));
  }

  /** Gives an account a state that no call of AWS gives it. */
  async setState(id: string, state: string): Promise<void> {
    const body = JSON.stringify({ account: ACCOUNT, id, state });
    const reply = await fetch(`${this.#url}/sandbox/account-state`, { method: 'POST', body });
    if (!reply.ok) throw new Error(await reply.text());
  }
}
