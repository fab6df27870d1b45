import { setTimeout as pause } from 'node:timers/promises';
import { loadConfig } from '../../../src/config/config.js';
import { connectTemporal } from '../../../src/temporal/connect.js';
import { manifestOf, role } from '../../support/manifests-of.js';
import { missingForRealServer, startRealServer, type RealServer } from '../../support/real-server.js';
import { useWorld, world } from '../../support/use-world.js';
import { ACCOUNT, type CommandResult } from '../../support/world.js';

/** Temporal's own server as an operator may have set it: without eager activities, and with few searches a second. */

const missing = missingForRealServer();
const here = missing === undefined ? describe : describe.skip;

/** Searches that the server allows in a second. */
const SEARCHES = 10;

here(
  `with ${String(SEARCHES)} searches a second and no eager activities (${missing ?? "Temporal's own server"})`,
  () => {
    let server: RealServer;
    let env: Record<string, string>;

    useWorld({ worker: false });

    beforeAll(async () => {
      server = await startRealServer({
        settings: {
          'system.enableActivityEagerExecution': false,
          'frontend.namespaceRPS.visibility': SEARCHES,
          'frontend.namespaceBurstRatio.visibility': 1,
        },
      });
      env = { TEMPORAL_ADDRESS: server.address };
      await world.startWorker(env);
    });

    afterAll(() => server.stop());

    async function apply(namespace: string, ...names: readonly string[]): Promise<CommandResult> {
      const entities = names.map((name) => role(name));
      const file = await world.manifest(`${namespace}.json`, manifestOf({ namespace, account: ACCOUNT, entities }));
      return world.cli(['apply', '-f', file, '--output', 'json'], env);
    }

    const outcomes = (end: CommandResult): string[] => end.report().entities.map(({ outcome }) => outcome);

    test('an apply creates, the next has nothing to do, and of two namespaces that race for a role one is refused', async () => {
      expect(outcomes(await apply('first', 'a', 'b', 'c'))).toEqual(['created', 'created', 'created']);
      expect(outcomes(await apply('first', 'a', 'b', 'c'))).toEqual(['unchanged', 'unchanged', 'unchanged']);
      const raced = await Promise.all([apply('left', 'shared'), apply('right', 'shared')]);
      expect(raced.map(({ code }) => code).sort()).toEqual([0, 3]);
      expect(raced.flatMap(outcomes).sort()).toEqual(['created', 'refused']);
      expect(Object.values(await world.creates())).toEqual([1, 1, 1, 1]);
    });

    test('commands that search succeed while another client asks for more searches than there are', async () => {
      const { client, close } = await connectTemporal(loadConfig({ ...world.env, ...env }));
      const over = new AbortController();
      let refused = 0;
      const search = async (): Promise<void> => {
        try {
          // By a deadline, so that what is refused is not tried again for long.
          await client.withDeadline(Date.now() + 200, () =>
            client.workflowService.listWorkflowExecutions({ namespace: 'default', pageSize: 1, query: '' }),
          );
        } catch {
          refused += 1;
        }
      };
      // One and a half times the limit, without waiting for answers.
      const competing = (async () => {
        const searches: Promise<void>[] = [];
        while (!over.signal.aborted) {
          searches.push(search());
          await pause(1_000 / (1.5 * SEARCHES));
        }
        await Promise.all(searches);
      })();
      try {
        expect((await apply('busy', 'd')).code).toBe(0);
        const commands = [
          ['status', '--account', ACCOUNT],
          ['explain', 'Role/d', '--account', ACCOUNT],
          ['conflicts', '--account', ACCOUNT],
          ['drift', '--account', ACCOUNT],
        ];
        for (const command of commands) {
          const { code, stderr } = await world.cli(command, env);
          expect([command[0], code, stderr]).toEqual([command[0], 0, expect.anything()]);
        }
        expect(refused).toBeGreaterThan(0);
      } finally {
        over.abort();
        await competing;
        await close();
      }
    });
  },
);
