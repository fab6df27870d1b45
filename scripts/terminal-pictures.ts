import type { Page } from 'playwright-core';
import { DetachRolePolicyCommand } from '@aws-sdk/client-iam';
import { hold } from '../test/support/hold.js';
import { allowing, manifestOf, role } from '../test/support/manifests-of.js';
import { iamClient } from '../test/support/sandbox.js';
import { runOnTerminal } from '../test/support/terminal.js';
import { ACCOUNT, CLI, startWorld } from '../test/support/world.js';

/** A terminal that shows a run. */
export interface PicturedTerminal {
  readonly name: string;
  readonly columns: number;
  readonly color: boolean;
}

/** The terminals of the pictures: two widths, each with and without colors. */
export const TERMINALS: readonly PicturedTerminal[] = [80, 120].flatMap((columns) =>
  [true, false].map((color) => ({
    name: `terminal-${String(columns)}${color ? '' : '-plain'}`,
    columns,
    color,
  })),
);

/** The command that the pictures show. */
const COMMAND = ['iam-bootstrap', 'apply', '-f', 'iam.json'];

/** The output on the terminal: until the run waits for AWS, and until its end. */
interface TerminalOutput {
  readonly whileWaiting: string;
  readonly atEnd: string;
}

const PLATFORM = [
  { kind: 'Policy', policyName: 'prod-deploy', policyDocument: allowing('s3:PutObject') },
  role('prod-deploy', { managedPolicyArns: ['{{arn Policy/prod-deploy}}'] }),
];

/**
 * Plays a run in which one entity is unchanged, one has drifted, some are created, and one fails. In the middle a call
 * to AWS is held until everything else has finished.
 */
export async function playTerminal({ columns, color }: PicturedTerminal): Promise<TerminalOutput> {
  const world = await startWorld();
  try {
    await world.startWorker({ IAM_BOOTSTRAP_AWS_TIMEOUT: '600' });
    const manifest = (entities: Parameters<typeof manifestOf>[0]['entities']): Promise<string> =>
      world.manifest('iam.json', manifestOf({ namespace: 'ci-platform', account: ACCOUNT, entities }));
    await manifest(PLATFORM);
    await world.cli(['apply', '-f', 'iam.json']);
    await iamClient(world.sandbox.url).send(
      new DetachRolePolicyCommand({
        RoleName: 'prod-deploy',
        PolicyArn: `arn:aws:iam::${ACCOUNT}:policy/prod-deploy`,
      }),
    );
    world.proxy.on(
      { action: 'CreateGroup' },
      {
        kind: 'error',
        status: 403,
        code: 'AccessDenied',
        message: `User: arn:aws:iam::${ACCOUNT}:user/worker is not authorized to perform: iam:CreateGroup on resource: arn:aws:iam::${ACCOUNT}:group/analysts`,
      },
    );
    const held = hold(world.proxy, { action: 'CreateRole', params: { RoleName: 'prod-rollback' } });
    await manifest([
      ...PLATFORM,
      role('prod-rollback'),
      { kind: 'InstanceProfile', instanceProfileName: 'prod-rollback', roles: ['prod-rollback'] },
      { kind: 'User', userName: 'release-bot' },
      { kind: 'Group', groupName: 'analysts', users: ['release-bot'] },
    ]);
    let output = '';
    let whileWaiting = '';
    const { text } = await runOnTerminal(
      [process.execPath, CLI, ...COMMAND.slice(1)],
      { columns, env: { ...world.env, NO_COLOR: color ? undefined : '1' }, cwd: world.directory },
      (part) => {
        output += part;
        if (whileWaiting !== '' || !SHOWN_WHILE_WAITING.every((shown) => shown.test(output))) return;
        whileWaiting = output;
        held.release();
      },
    );
    return { whileWaiting, atEnd: text };
  } finally {
    await world.stop();
  }
}

/** Text of the live display, or of the lines without colors, once only the held call is left. */
const SHOWN_WHILE_WAITING = [
  /\b1 updated|Role\/prod-deploy: updated/,
  /Role\/prod-rollback(:| ) *creating/,
  /Group\/analysts(:| ) *failed/,
];

/** The used part of xterm.js in the browser. Its own types would add the browser's types to the whole project. */
interface BrowserTerminal {
  readonly buffer: {
    readonly active: {
      readonly length: number;
      readonly cursorY: number;
      getLine(row: number): { translateToString(trimRight: boolean): string } | undefined;
    };
  };
  open(element: unknown): void;
  write(data: string, done: () => void): void;
  resize(columns: number, rows: number): void;
}
declare const window: { readonly Terminal: new (options: object) => BrowserTerminal };
declare const document: { getElementById(id: string): unknown };

/** Takes a picture of the output in a terminal that is as high as the output. */
export async function drawTerminal(page: Page, { columns }: PicturedTerminal, output: string): Promise<Buffer> {
  await page.setContent(
    '<body style="margin: 0; background: #1b1f24"><div id="screen" style="padding: 12px; width: fit-content"></div>',
  );
  await page.addStyleTag({ path: require.resolve('@xterm/xterm/css/xterm.css') });
  await page.addScriptTag({ path: require.resolve('@xterm/xterm') });
  await page.evaluate(
    async ({ columns, output }) => {
      const theme = { background: '#1b1f24', foreground: '#d1d7e0', cursor: '#1b1f24' };
      const terminal = new window.Terminal({
        cols: columns,
        rows: 60,
        fontSize: 14,
        lineHeight: 1.2,
        scrollback: 0,
        theme,
      });
      terminal.open(document.getElementById('screen'));
      await new Promise<void>((done) => {
        terminal.write(output, done);
      });
      const { active } = terminal.buffer;
      let rows = active.length;
      while (rows > active.cursorY + 1 && active.getLine(rows - 1)?.translateToString(true) === '') rows -= 1;
      terminal.resize(columns, rows);
    },
    { columns, output: `$ ${COMMAND.join(' ')}\r\n${output}` },
  );
  return page.locator('#screen').screenshot();
}
