import { mkdtemp, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Page } from 'playwright-core';
import { loadConfig } from '../../src/config/config.js';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Without these options a browser on a closed network fails on its own requests. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Opens a page in a headless Chromium for the length of `work`. */
export async function inBrowser<T>(work: (page: Page) => Promise<T>): Promise<T> {
  const { environment } = loadConfig();
  const folders = (environment['PATH'] ?? '').split(delimiter);
  const found = NAMES.flatMap((name) => folders.map((folder) => join(folder, name))).find((path) => existsSync(path));
  const executablePath = environment['CHROME_PATH'] ?? found;
  const profile = await mkdtemp(join(tmpdir(), 'iam-bootstrap-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    headless: true,
    args: ARGUMENTS,
    viewport: { width: 1440, height: 900 },
    ...(executablePath === undefined ? {} : { executablePath }),
  });
  try {
    return await work(await context.newPage());
  } finally {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  }
}

/** Waits until a text shows; the Temporal UI renders Markdown in frames of its own. */
export async function shows(page: Page, text: string): Promise<void> {
  const everywhere = async (): Promise<string> => {
    const texts = page.frames().map((frame) =>
      frame
        .locator('body')
        .innerText({ timeout: 2_000 })
        .catch(() => ''),
    );
    return (await Promise.all(texts)).join('\n');
  };
  const deadline = Date.now() + 30_000;
  while (!(await everywhere()).includes(text)) {
    if (Date.now() > deadline) throw new Error(`the page does not show "${text}":\n${await everywhere()}`);
    await page.waitForTimeout(100);
  }
}
