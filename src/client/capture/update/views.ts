import { Findings } from '../../../engine/manifest/findings.js';
import { headersOf, NO_CONTEXT } from '../../../engine/manifest/header.js';
import { traceManifest, type ManifestOptions, type ManifestSource } from '../../../engine/manifest/resolve.js';
import type { View } from './uses.js';

/** The account that stands for all of a fleet. */
const SAMPLE_ACCOUNT = '000000000000';

/** Returns the manifests as all environments and fleets but the chosen one see them. Those with problems are left out. */
export function otherViews(
  sources: readonly ManifestSource[],
  options: ManifestOptions,
  environment: string,
): readonly View[] {
  const headers = headersOf(sources, { ...NO_CONTEXT, variables: options.variables }, new Findings([]));
  const environments = new Set(headers.flatMap((header) => [...header.environments.keys()]));
  environments.delete(environment);
  const fleets = new Set(headers.flatMap((header) => [...header.fleets.keys()]));
  return [
    ...[...environments].map((name) => ({ label: `environment ${name}`, chosen: { ...options, environment: name } })),
    ...[...fleets].map((name) => ({
      label: `fleet ${name}`,
      chosen: {
        ...options,
        environment: undefined,
        fleet: { name, account: { id: SAMPLE_ACCOUNT, name: null, tags: {} }, isOffline: true },
      },
    })),
  ].flatMap(({ label, chosen }) => {
    const traced = traceManifest(sources, chosen);
    return traced.ok ? [{ label, traced }] : [];
  });
}
