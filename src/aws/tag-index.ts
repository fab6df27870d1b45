import type {
  ResourceGroupsTaggingAPIClient,
  ResourceGroupsTaggingAPIClientConfig,
} from '@aws-sdk/client-resource-groups-tagging-api';
import type { Target } from '../contract/entity.js';

/** Tags of one entity. */
type Tags = Readonly<Record<string, string>>;

/**
 * The Resource Groups Tagging API, which shows the tags of many entities in one call. It may be behind IAM, for a time
 * that AWS does not document. It knows customer managed policies, and neither users nor roles.
 */
export interface TagIndex {
  /**
   * Returns tags by ARN. What the index does not show may have tags anyway. A failure shows nothing, and ends its
   * use for some time: callers have another way to read tags.
   */
  readonly tagsOf: (arns: readonly string[]) => Promise<ReadonlyMap<string, Tags>>;
  /** Reports whether the index would be asked: it is of this partition, and has not failed lately. */
  readonly isInUse: () => boolean;
}

/** The partitions for which AWS documents the service. It shows the entities of IAM where IAM's calls are signed. */
const PARTITIONS: ReadonlySet<string> = new Set(['aws', 'aws-cn', 'aws-us-gov']);

/** ARNs in one call. AWS allows no more. */
const MAX_ARNS = 100;

/** Calls in flight. AWS allows few a second. */
const MAX_CONCURRENT = 4;

/** Attempts for each call, which is slowed down where AWS throttles it. */
const MAX_ATTEMPTS = 4;

/** Maximum duration of a call with all its attempts: single reads must not wait long for an endpoint out of reach. */
const CALL_TIMEOUT_MS = 10_000;

/** Time for which a failure lasts. A run asks once, and not for each of its reads. */
const FAILURE_LASTS_MS = 15 * 60_000;

/** The settings that decide whether the index is asked. */
export interface TagIndexOptions {
  /** Custom endpoint, for an emulator. Default: AWS's own. */
  readonly taggingEndpoint?: string | undefined;
  /** Custom endpoint of IAM. Where IAM has one and the index has none, AWS knows nothing of that account. */
  readonly iamEndpoint?: string | undefined;
  /** Returns the time, in milliseconds. Default: the worker's clock. */
  readonly now?: () => number;
}

/** Makes the index of an account's tags. The SDK is loaded at the first call. */
export function createTagIndex(
  { partition }: Pick<Target, 'partition'>,
  { taggingEndpoint, iamEndpoint, now = Date.now }: TagIndexOptions,
  client: () => Promise<ResourceGroupsTaggingAPIClient>,
): TagIndex {
  const isServed = PARTITIONS.has(partition) && (taggingEndpoint !== undefined || iamEndpoint === undefined);
  let failedAt = -Infinity;
  const isInUse = (): boolean => isServed && now() - failedAt >= FAILURE_LASTS_MS;
  const read = async (arns: readonly string[]): Promise<readonly (readonly [string, Tags])[]> => {
    if (!isInUse()) return [];
    try {
      const { GetResourcesCommand } = await import('@aws-sdk/client-resource-groups-tagging-api');
      const command = new GetResourcesCommand({ ResourceARNList: [...arns] });
      const opened = await client();
      const { ResourceTagMappingList = [] } = await opened.send(command, {
        abortSignal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      });
      // An entity that had tags and has none is shown with an empty list, or not at all.
      return ResourceTagMappingList.filter(({ Tags = [] }) => Tags.length > 0).map(
        ({ ResourceARN = '', Tags = [] }) => [
          ResourceARN,
          Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
        ],
      );
    } catch {
      // Whatever it was, the reads that follow meet it too, or do without the index.
      failedAt = now();
      return [];
    }
  };
  return {
    isInUse,
    tagsOf: async (arns) => {
      const [first, ...rest] = partsOf(arns);
      // Where the index shows none of the first ones, it does not serve this account.
      const shown = first === undefined ? [] : [...(await read(first))];
      if (shown.length > 0) {
        const lanes = Array.from({ length: MAX_CONCURRENT }, async () => {
          for (let part = rest.pop(); part !== undefined; part = rest.pop()) shown.push(...(await read(part)));
        });
        await Promise.all(lanes);
      }
      return new Map(shown);
    },
  };
}

/** Makes the client of the index. */
export async function createTaggingClient(
  config: ResourceGroupsTaggingAPIClientConfig,
  { taggingEndpoint }: Pick<TagIndexOptions, 'taggingEndpoint'>,
): Promise<ResourceGroupsTaggingAPIClient> {
  const sdk = await import('@aws-sdk/client-resource-groups-tagging-api');
  return new sdk.ResourceGroupsTaggingAPIClient({
    ...config,
    retryMode: 'adaptive',
    maxAttempts: MAX_ATTEMPTS,
    ...(taggingEndpoint === undefined ? {} : { endpoint: taggingEndpoint }),
  });
}

function partsOf(arns: readonly string[]): (readonly string[])[] {
  const parts: (readonly string[])[] = [];
  for (let start = 0; start < arns.length; start += MAX_ARNS) parts.push(arns.slice(start, start + MAX_ARNS));
  return parts;
}
