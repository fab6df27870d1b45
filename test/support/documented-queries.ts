import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The page that documents how runs are found. */
export const OPERATIONS_PAGE = readFileSync(join(__dirname, '../../docs/operations.md'), 'utf8');

const section = /^## Finding runs$(.*?)^## /ms.exec(OPERATIONS_PAGE)?.[1] ?? '';

/** The queries of that page, with what each finds. */
export const DOCUMENTED_QUERIES: readonly (readonly [lookingFor: string, query: string])[] = [
  ...section.matchAll(/^\| (\S.*?) +\| `(.+?)` +\|$/gm),
].map(([, lookingFor = '', query = '']) => [lookingFor, query] as const);

/** What the queries find that are tested where schedules are: the other scenes have none. */
export const OF_SCHEDULES: readonly string[] = ['environments in drift', 'runs of schedules'];
