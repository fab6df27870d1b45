import type { ManagedPolicyDetail, Tag } from '@aws-sdk/client-iam';
import { undefinedIfDenied } from '../../aws/errors.js';
import type { Snapshot } from '../../aws/inventory.js';
import type { Reader } from '../../aws/reader.js';
import type { WantedEntity } from '../kind.js';
import { lowerCaseNames, undefinedIfGone } from './reads.js';

/** Returns the name in a policy's ARN, which ends with the path and the name. */
export function nameOfArn(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1);
}

/** Returns tags by ARN, of policies for which those of the tag index suffice. For one policy, IAM's answer costs no more. */
export async function readIndexedTags(
  { indexedTags }: Pick<Snapshot, 'indexedTags'>,
  wanted: readonly WantedEntity[],
  present: readonly ManagedPolicyDetail[],
): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const fromIam = lowerCaseNames(wanted.filter(({ mayHaveIndexedTags }) => mayHaveIndexedTags !== true));
  const arns = present.map(({ Arn = '' }) => Arn).filter((arn) => !fromIam.has(nameOfArn(arn).toLowerCase()));
  return arns.length > 1 ? indexedTags(arns) : new Map();
}

/** Reads the tags of a policy, where AWS denies that with the policy itself; undefined where it has gone. */
export function readPolicyTags(reader: Reader, PolicyArn: string | undefined): Promise<readonly Tag[] | undefined> {
  return undefinedIfGone(async () => {
    const listed = await undefinedIfDenied(() => reader.list('ListPolicyTags', { PolicyArn }, 'Tags'));
    return listed ?? (await reader.get('GetPolicy', { PolicyArn })).Policy?.Tags ?? [];
  });
}
