import type { Account, OrganizationsClient } from '@aws-sdk/client-organizations';

/** An account of an organization. */
export interface OrganizationAccount {
  readonly id: string;
  readonly name: string | null;
  /** The state as AWS spells it: `ACTIVE`, `SUSPENDED`, `PENDING_CLOSURE`, … */
  readonly state: string;
}

/** The organization that the credentials can read. Every method reads all pages, and throws the SDK's error. */
export interface Organization {
  readonly accounts: () => Promise<readonly OrganizationAccount[]>;
  /** Returns the accounts of a unit or a root, without those of the units below. */
  readonly accountsOf: (parent: string) => Promise<readonly OrganizationAccount[]>;
  /** Returns the IDs of the units right below a unit or a root. */
  readonly unitsOf: (parent: string) => Promise<readonly string[]>;
  readonly tagsOf: (account: string) => Promise<Readonly<Record<string, string>>>;
}

/** An organization whose connections have to be closed. */
export interface OpenOrganization {
  readonly organization: Organization;
  readonly close: () => void;
}

/** Makes the reader of an organization. The SDK is loaded at the first call. */
export function createOrganization(client: () => Promise<OrganizationsClient>): Organization {
  const sdk = () => import('@aws-sdk/client-organizations');
  return {
    accounts: async () => {
      const { ListAccountsCommand } = await sdk();
      return allPages(async (NextToken) => {
        const reply = await (await client()).send(new ListAccountsCommand({ NextToken }));
        return [(reply.Accounts ?? []).map(accountOf), reply.NextToken];
      });
    },
    accountsOf: async (ParentId) => {
      const { ListAccountsForParentCommand } = await sdk();
      return allPages(async (NextToken) => {
        const reply = await (await client()).send(new ListAccountsForParentCommand({ ParentId, NextToken }));
        return [(reply.Accounts ?? []).map(accountOf), reply.NextToken];
      });
    },
    unitsOf: async (ParentId) => {
      const { ListOrganizationalUnitsForParentCommand } = await sdk();
      return allPages(async (NextToken) => {
        const reply = await (await client()).send(new ListOrganizationalUnitsForParentCommand({ ParentId, NextToken }));
        return [(reply.OrganizationalUnits ?? []).map(({ Id = '' }) => Id), reply.NextToken];
      });
    },
    tagsOf: async (ResourceId) => {
      const { ListTagsForResourceCommand } = await sdk();
      const tags = await allPages(async (NextToken) => {
        const reply = await (await client()).send(new ListTagsForResourceCommand({ ResourceId, NextToken }));
        return [reply.Tags ?? [], reply.NextToken];
      });
      return Object.fromEntries(tags.map(({ Key = '', Value = '' }) => [Key, Value]));
    },
  };
}

/** Reads page by page. A page may be empty and not the last. */
async function allPages<T>(
  read: (token: string | undefined) => Promise<readonly [items: readonly T[], next: string | undefined]>,
): Promise<readonly T[]> {
  const items: T[] = [];
  let token: string | undefined;
  do {
    const [page, next] = await read(token);
    items.push(...page);
    token = next;
  } while (token !== undefined);
  return items;
}

/** AWS replaces `Status` by `State`, which tells more; an older endpoint has only the former. */
function accountOf({ Id = '', Name, State, Status }: Account): OrganizationAccount {
  return { id: Id, name: Name ?? null, state: State ?? Status ?? '' };
}
