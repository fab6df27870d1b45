import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { Captures } from '../../../../src/activities/capture/captures.js';
import { compareKeys, pageAfter, type PagedAccount, toPages } from '../../../../src/activities/capture/pages.js';
import type { CapturedItem, EntityKey } from '../../../../src/contract/capture.js';

const MEGABYTE = 1_000_000;

function item(kind: string, name: string, text = ''): CapturedItem {
  return { kind, name, arn: 'arn', spec: { text }, tags: {}, isOurs: false, createdAt: null, missing: [] };
}

/** Reads all pages. */
function pagesOf(account: PagedAccount): readonly (readonly CapturedItem[])[] {
  const pages: (readonly CapturedItem[])[] = [];
  let after: EntityKey | null = null;
  do {
    const page = pageAfter(account, after);
    pages.push(page.items);
    after = page.next;
  } while (after !== null);
  return pages;
}

test('the pages of any account have each entity once, in order, and stay small', async () => {
  const names = fc.uniqueArray(fc.tuple(fc.constantFrom('Role', 'User', 'Group'), fc.string(), fc.nat(400_000)), {
    maxLength: 30,
    selector: ([kind, name]) => `${kind}/${name}`,
  });
  await fc.assert(
    fc.asyncProperty(names, async (entities) => {
      const items = entities.map(([kind, name, size]) => item(kind, name, 'é'.repeat(size)));
      const pages = pagesOf(await toPages({ items, unread: [] }));
      expect(pages.flat()).toEqual([...items].sort(compareKeys));
      for (const page of pages) expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(MEGABYTE);
    }),
    { numRuns: 30 },
  );
});

test('a page has at most a thousand entities, and only the last one tells what was not read', async () => {
  const unread = [{ kind: 'SAMLProvider', name: null, message: 'denied' }];
  const items = Array.from({ length: 2_500 }, (_, index) => item('Role', `r${String(index)}`));
  const account = await toPages({ items, unread });
  expect(pagesOf(account).map(({ length }) => length)).toEqual([1_000, 1_000, 500]);
  expect(pageAfter(account, null).unread).toEqual([]);
  expect(pageAfter(account, { kind: 'Role', name: 's' })).toEqual({ items: [], next: null, unread });
});

test('a capture goes on after an entity that has gone since', async () => {
  const account = await toPages({ items: [item('Role', 'a'), item('Role', 'c'), item('User', 'a')], unread: [] });
  expect(pageAfter(account, { kind: 'Role', name: 'b' }).items.map(({ name }) => name)).toEqual(['c', 'a']);
});

test('an entity that is larger than a page has one of its own, and is left out where Temporal does not carry it', async () => {
  const large = item('SAMLProvider', 'large', 'x'.repeat(9 * MEGABYTE));
  const random = item('SAMLProvider', 'random', randomBytes(3 * MEGABYTE).toString('base64'));
  const pages = pagesOf(await toPages({ items: [item('Role', 'a'), large, random], unread: [] }));
  expect(pages.map((page) => page.map(({ name }) => name))).toEqual([['a'], ['large'], ['random']]);
  expect(pages[1]).toEqual([large]);
  expect(pages[2]).toEqual([
    {
      kind: 'SAMLProvider',
      name: 'random',
      arn: 'arn',
      leftOut: 'its 4.0 MB are more than Temporal carries, even compressed',
    },
  ]);
});

describe('the captures that a worker keeps', () => {
  let account: PagedAccount;

  beforeAll(async () => {
    account = await toPages({ items: [item('Role', 'a', 'x'.repeat(1_000))], unread: [] });
  });
  beforeEach(() => jest.useFakeTimers());
  afterEach(() => jest.useRealTimers());

  test('are kept for longer than another worker may take for a read, and dropped after that', () => {
    const captures = new Captures();
    captures.keep('one', account);
    jest.advanceTimersByTime(65 * 60_000);
    captures.keep('one', account);
    jest.advanceTimersByTime(65 * 60_000);
    expect(captures.get('one')).toBe(account);
    jest.advanceTimersByTime(6 * 60_000);
    expect(captures.get('one')).toBeUndefined();
    expect(jest.getTimerCount()).toBe(0);
  });

  test('have a limited size: the one that was not used for the longest time goes first', () => {
    const captures = new Captures(2.5 * account.bytes);
    for (const key of ['one', 'two', 'one', 'three']) captures.keep(key, account);
    expect(['one', 'two', 'three'].map((key) => captures.get(key) !== undefined)).toEqual([true, false, true]);
    new Captures(0).keep('alone', account);
    captures.drop('one');
    expect(captures.get('one')).toBeUndefined();
  });
});
