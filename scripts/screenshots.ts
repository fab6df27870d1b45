// Takes the pictures of docs/control-room.md and docs/terminal.md: runs with every kind of result on a real Temporal
// server, worker and sandbox, in the Temporal UI and in a terminal.
// Run: npm run build && npm run screenshots
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { inBrowser, shows } from '../test/support/browser.js';
import { playScenes } from '../test/support/scenes.js';
import type { Run, Scenes } from '../test/support/scenes.js';
import { ACCOUNT, startWorld } from '../test/support/world.js';
import { drawTerminal, playTerminal, TERMINALS } from './terminal-pictures.js';

const IMAGES = resolve(__dirname, '../docs/images');

/** The limit for one picture, in bytes. */
const MAX_BYTES = 210_000;

/** A picture of a page in the Temporal UI. */
interface Picture {
  readonly name: string;
  /** Runs are shown in light only: older versions of the UI show Markdown in black on a dark page. */
  readonly themes: readonly ('light' | 'dark')[];
  /** The texts that have to show before the picture is taken. */
  readonly shows: readonly string[];
  /** The size of the browser's window. The navigation at its left is not in the picture. */
  readonly size: { readonly width: number; readonly height: number };
  open(page: Page, ui: string, scenes: Scenes): Promise<void>;
}

/** The width of the navigation. */
const NAVIGATION_WIDTH = 256;

const RUN = { width: 1760, height: 840 };

/** Opens the page of a run with its summary and its current details. */
const pageOf =
  (which: keyof { [K in keyof Scenes as Scenes[K] extends Run ? K : never]: true }): Picture['open'] =>
  async (page, ui, scenes) => {
    const { workflowId, runId } = scenes[which];
    await page.goto(`${ui}/namespaces/default/workflows/${encodeURIComponent(workflowId)}/${runId}`);
    await page.getByRole('tab', { name: 'User Metadata' }).click();
  };

const PICTURES: readonly Picture[] = [
  {
    name: 'workflows',
    themes: ['light', 'dark'],
    size: { width: 1980, height: 640 },
    shows: [`iam-bootstrap:${ACCOUNT}:network`, `iam-bootstrap:${ACCOUNT}:ci-platform`],
    open: async (page, ui) => {
      const query = `WorkflowType = "bootstrap" AND IamAccount = "${ACCOUNT}"`;
      await page.goto(`${ui}/namespaces/default/workflows?query=${encodeURIComponent(query)}`);
    },
  },
  {
    name: 'running',
    themes: ['light'],
    size: RUN,
    shows: ['reconciling', 'Role/prod-rollback', 'creating'],
    open: pageOf('running'),
  },
  {
    name: 'refused-entity',
    themes: ['light'],
    size: RUN,
    shows: ['Role/billing-export', '--adopt foreign:Role/billing-export'],
    open: pageOf('conflict'),
  },
  { name: 'failed', themes: ['light'], size: RUN, shows: ['Group/analysts', 'AccessDenied'], open: pageOf('failed') },
  {
    name: 'approval',
    themes: ['light'],
    size: { width: 1760, height: 1400 },
    shows: ['awaiting approval', 'Role/vpc-flow-logs', 'iam-bootstrap approve'],
    open: pageOf('gated'),
  },
];

async function main(): Promise<void> {
  const world = await startWorld();
  try {
    const scenes = await playScenes(world);
    await mkdir(IMAGES, { recursive: true });
    try {
      await inBrowser(async (page) => {
        const x = NAVIGATION_WIDTH;
        for (const { name, themes, size, open, shows: texts } of PICTURES) {
          for (const colorScheme of themes) {
            await page.setViewportSize(size);
            await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
            await open(page, world.temporal.uiUrl ?? '', scenes);
            for (const text of texts) await shows(page, text);
            await writePicture(
              `${name}-${colorScheme}`,
              await page.screenshot({ clip: { x, y: 0, width: size.width - x, height: size.height } }),
            );
          }
        }
      });
    } finally {
      await scenes.end();
    }
  } finally {
    await world.stop();
  }
  await inBrowser(async (page) => {
    for (const terminal of TERMINALS) {
      const { whileWaiting, atEnd } = await playTerminal(terminal);
      await writePicture(`${terminal.name}-under-way`, await drawTerminal(page, terminal, whileWaiting));
      await writePicture(terminal.name, await drawTerminal(page, terminal, atEnd));
    }
  });
}

async function writePicture(name: string, image: Buffer): Promise<void> {
  if (image.length > MAX_BYTES) process.exitCode = 1;
  await writeFile(join(IMAGES, `${name}.png`), image);
  console.log(`wrote docs/images/${name}.png: ${String(image.length)} bytes`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
