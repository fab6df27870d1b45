import { dirname, resolve } from 'node:path';
import type { Config } from '../../config/config.js';
import { positionText } from '../../engine/manifest/problem.js';
import { loadNotifications } from '../../notifications/load.js';
import type { Channel, ChannelSecret } from '../../notifications/schema.js';
import { readChannelSecret } from '../../notifications/secrets.js';
import { type Check, ok, problem } from './doctor-check.js';

/** Checks the file with the channels of a worker on this machine, and that their secrets can be read. */
export async function checkNotifications({ notificationsFile, environment }: Config): Promise<Check> {
  const name = 'notifications';
  if (notificationsFile === undefined) return ok(name, 'none: nobody is told of drift, refusals and failures');
  const loaded = loadNotifications(notificationsFile);
  if (!loaded.ok) {
    const [first] = loaded.problems;
    if (first === undefined) return problem(name, 'fail', `${notificationsFile} is invalid`, 'correct the file');
    return problem(name, 'fail', `${positionText(first)}: ${first.message}`, first.remedy);
  }
  const folder = dirname(resolve(notificationsFile));
  // Secrets Manager is left to the worker, whose credentials may be others.
  const sources = { folder, environment, secretsManager: () => Promise.resolve('not read') };
  const channels = Object.entries(loaded.notifications.channels);
  for (const [channel, settings] of channels) {
    for (const location of secretsOf(settings)) {
      try {
        await readChannelSecret(location, sources);
      } catch (error) {
        const message = `channel ${channel}: ${(error as Error).message}`;
        return problem(name, 'warn', message, 'store the secret there, readable for the worker');
      }
    }
  }
  return ok(name, `${notificationsFile}: ${channels.map(([channel]) => channel).join(', ') || 'no channels'}`);
}

function secretsOf({ webhook, slack }: Channel): readonly ChannelSecret[] {
  return [webhook?.url, webhook?.secret, slack?.url].filter(
    (location): location is ChannelSecret => typeof location === 'object',
  );
}
