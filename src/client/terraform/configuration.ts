import { modulePath } from './addresses.js';
import type { ConfigModule, ConfigResource } from './plan.js';

/** Returns the module of a configuration that an address names; undefined where the configuration does not have it. */
export function moduleOf(root: ConfigModule, moduleAddress: string): ConfigModule | undefined {
  let module: ConfigModule | undefined = root;
  for (const name of modulePath(moduleAddress)) module = module?.module_calls?.[name]?.module;
  return module;
}

/** Returns a resource of a configuration; undefined where the configuration does not have it. */
export function resourceOf(
  root: ConfigModule,
  {
    moduleAddress,
    type,
    name,
    mode = 'managed',
  }: Readonly<Record<'moduleAddress' | 'type' | 'name', string>> & {
    readonly mode?: string;
  },
): ConfigResource | undefined {
  return moduleOf(root, moduleAddress)?.resources?.find(
    (one) => one.type === type && one.name === name && (one.mode ?? mode) === mode,
  );
}
