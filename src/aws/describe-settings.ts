import type { NamedSetting, Setting } from '../contract/setting.js';
import type { AwsNetwork } from './agents.js';
import { signingRegion } from '../engine/partitions.js';
import { type AwsSettings, SERVICES } from './settings.js';

/** Describes the settings for people, without secrets. */
export function describeAwsSettings(
  { region, partition, fips, dualStack, endpoints, credentials }: AwsSettings,
  { httpProxy, awsCa, extraCa, exclusions }: DescribedNetwork,
): NamedSetting[] {
  const proxy = httpProxy('https:', '', 0);
  const fallback = (value: string): Setting => ({ value, source: 'default' });
  const ca = awsCa ?? extraCa;
  const usual = "Node.js's own";
  const own = partition === undefined ? undefined : signingRegion(partition.value);
  const rows: [name: string, setting: Setting][] = [
    ['aws region', region ?? { value: own ?? 'none', source: `default of partition ${partition?.value ?? ''}` }],
    ['aws partition', partition ?? { value: 'unknown', source: `region ${region?.value ?? ''}` }],
    ['aws credentials', credentials],
    ...SERVICES.map((service): [string, Setting] => [
      `aws endpoint ${service}`,
      shownEndpoint(endpoints[service]) ?? fallback("AWS's own"),
    ]),
    ['aws FIPS', fips ?? fallback('false')],
    ['aws dual-stack', dualStack ?? fallback('false')],
    ['aws proxy', proxy === undefined ? fallback('none') : { value: proxy.address, source: proxy.variable }],
    [
      'aws CA',
      ca === undefined
        ? fallback(usual)
        : { value: awsCa === undefined ? `${usual} and ${ca.path}` : ca.path, source: ca.variable },
    ],
    ...exclusions.map((setting): [string, Setting] => ['hosts without proxy', setting]),
  ];
  return rows.map(([name, setting]) => ({ name, ...setting }));
}

/** The network in the form that is described. */
interface DescribedNetwork extends AwsNetwork {
  readonly awsCa: CaFile | undefined;
  readonly extraCa: CaFile | undefined;
  readonly exclusions: readonly Setting[];
}

interface CaFile {
  readonly variable: string;
  readonly path: string;
  readonly pem: string;
}

function shownEndpoint(endpoint: Setting | undefined): Setting | undefined {
  return endpoint === undefined ? undefined : { ...endpoint, value: withoutPassword(endpoint.value) };
}

/** Returns a URL without the name, the password and the query in it. */
export function withoutPassword(url: string): string {
  if (!URL.canParse(url)) return 'not a URL';
  const { protocol, host, pathname } = new URL(url);
  return `${protocol}//${host}${pathname === '/' ? '' : pathname}`;
}
