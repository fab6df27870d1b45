import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import * as prettier from 'prettier';
import { renderPages } from './render.js';
import type { Remarks } from './render.js';
import type { Results } from './results.js';

const DOCS = resolve(__dirname, '../docs');

/** Reads a file of this folder. */
export async function readRemark<T>(file: string): Promise<T> {
  return JSON.parse(await readFile(resolve(__dirname, file), 'utf8')) as T;
}

/** Formats a text as its path asks for, and writes it. */
async function writePretty(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const style = await prettier.resolveConfig(path);
  await writeFile(path, path.endsWith('.svg') ? text : await prettier.format(text, { ...style, filepath: path }));
}

/** Keeps figures in a file of this folder. */
export async function keepFigures(file: string, figures: unknown): Promise<void> {
  await writePretty(resolve(__dirname, file), JSON.stringify(figures));
}

/** Writes the page about performance, its tables and its pictures from the figures that are kept. */
export async function writePages(docs = DOCS): Promise<void> {
  const remarks: Remarks = {
    limits: await readRemark('limits.json'),
    ideas: await readRemark('ideas.json'),
    fleets: await readRemark('fleets.json'),
  };
  const files = renderPages(await readRemark<Results>('results.json'), remarks);
  const images = join(docs, 'images');
  await mkdir(images, { recursive: true });
  for (const file of await readdir(images)) if (/^performance-.*\.svg$/.test(file)) await rm(join(images, file));
  for (const [path, text] of Object.entries(files)) await writePretty(join(docs, path), text);
}
