import { Findings } from '../../../engine/manifest/findings.js';
import { headersOf } from '../../../engine/manifest/header.js';
import {
  traceManifest,
  type ManifestOptions,
  type ManifestRequest,
  type ManifestSource,
} from '../../../engine/manifest/resolve.js';
import type { OtherViews, UnknownView, View } from './uses.js';

/** The account that stands for all of a fleet. */
const SAMPLE_ACCOUNT = '000000000000';

/** Returns the manifests as all environments and fleets but the chosen one see them. */
export function otherViews(
  sources: readonly ManifestSource[],
  options: ManifestOptions,
  { environment, target }: Pick<ManifestRequest, 'environment' | 'target'>,
): OtherViews {
  const { account, partition } = target;
  const findings = new Findings([]);
  const headers = headersOf(sources, { environment, account, partition, variables: options.variables }, findings);
  const [lost] = findings.problems;
  const known: View[] = [];
  const unknown: UnknownView[] =
    lost === undefined ? [] : [{ label: 'other environments', problems: findings.problems }];
  const look = (label: string, chosen: ManifestOptions): void => {
    const traced = traceManifest(sources, chosen);
    if (traced.ok) known.push({ label, traced });
    else unknown.push({ label, problems: traced.problems });
  };
  for (const name of new Set(headers.flatMap((header) => [...header.environments.keys()]))) {
    if (name !== environment) look(`environment ${name}`, { ...options, environment: name });
  }
  for (const name of new Set(headers.flatMap((header) => [...header.fleets.keys()]))) {
    const fleet = { name, account: { id: SAMPLE_ACCOUNT, name: null, tags: {} }, isOffline: true };
    look(`fleet ${name}`, { ...options, environment: undefined, fleet });
  }
  return { known, unknown };
}
