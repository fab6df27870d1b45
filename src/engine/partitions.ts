interface Partition {
  /** The region to sign for IAM, whose endpoint is global to the partition. */
  readonly signingRegion: string;
  /** The domain of its services, as in `AWS::URLSuffix`. */
  readonly urlSuffix: string;
  /** Matches the names of its regions. AWS publishes these patterns with its endpoints. */
  readonly regions: RegExp;
}

const PARTITIONS: Readonly<Record<string, Partition>> = {
  aws: { signingRegion: 'us-east-1', urlSuffix: 'amazonaws.com', regions: /^(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d+$/ },
  'aws-cn': { signingRegion: 'cn-north-1', urlSuffix: 'amazonaws.com.cn', regions: /^cn-[a-z]+-\d+$/ },
  'aws-us-gov': { signingRegion: 'us-gov-west-1', urlSuffix: 'amazonaws.com', regions: /^us-gov-[a-z]+-\d+$/ },
  'aws-eusc': { signingRegion: 'eusc-de-east-1', urlSuffix: 'amazonaws.eu', regions: /^eusc-de-[a-z]+-\d+$/ },
  'aws-iso': { signingRegion: 'us-iso-east-1', urlSuffix: 'c2s.ic.gov', regions: /^us-iso-[a-z]+-\d+$/ },
  'aws-iso-b': { signingRegion: 'us-isob-east-1', urlSuffix: 'sc2s.sgov.gov', regions: /^us-isob-[a-z]+-\d+$/ },
  'aws-iso-e': { signingRegion: 'eu-isoe-west-1', urlSuffix: 'cloud.adc-e.uk', regions: /^eu-isoe-[a-z]+-\d+$/ },
  'aws-iso-f': { signingRegion: 'us-isof-south-1', urlSuffix: 'csp.hci.ic.gov', regions: /^us-isof-[a-z]+-\d+$/ },
};

/** Returns the partition of a region. Undefined for an unknown one: the SDK would send its calls to partition `aws`. */
export function partitionOf(region: string): string | undefined {
  return Object.entries(PARTITIONS).find(([, { regions }]) => regions.test(region))?.[0];
}

/** Returns the domain of the services of a partition. */
export function urlSuffixOf(partition: string): string {
  return PARTITIONS[partition]?.urlSuffix ?? 'amazonaws.com';
}

/** Reports whether a partition is known. */
export function isPartition(name: string): boolean {
  return Object.hasOwn(PARTITIONS, name);
}

/** Returns the region to sign for IAM. Throws for an unknown partition: another one's endpoint must not get the call. */
export function signingRegion(partition: string): string {
  const region = isPartition(partition) ? PARTITIONS[partition]?.signingRegion : undefined;
  if (region !== undefined) return region;
  const known = Object.keys(PARTITIONS).join(', ');
  throw invalid(`partition ${partition} is unknown; the partitions of AWS are ${known}`);
}

/**
 * Returns the region for services with regional endpoints: the configured one, or the partition's own where that is of
 * another. Throws for an unknown region: it may be of a partition whose calls another one must not get.
 */
export function regionalRegion(partition: string, configured: string | undefined): string {
  const fallback = signingRegion(partition);
  if (configured === undefined) return fallback;
  const owner = partitionOf(configured);
  if (owner === undefined) throw invalid(unknownRegion(configured));
  return owner === partition ? configured : fallback;
}

/** Describes a region that is of no known partition. */
export function unknownRegion(region: string): string {
  return `region ${region} is of no partition of AWS that is known`;
}

function invalid(message: string): Error {
  return Object.assign(new Error(message), { name: 'ValidationError' });
}
