import { bundleSources } from '../support/replay.js';

/** Most of it is the SDK's, two thirds are a source map for stack traces. Workers read it at their start. */
const MAX_BYTES = 2_500_000;

interface SourceMap {
  readonly sources: readonly string[];
}

let code: string;
let sources: readonly string[];

beforeAll(async () => {
  ({ code } = await bundleSources());
  const mark = 'sourceMappingURL=data:application/json;charset=utf-8;base64,';
  const map = Buffer.from(code.slice(code.lastIndexOf(mark) + mark.length), 'base64').toString();
  ({ sources } = JSON.parse(map) as SourceMap);
});

test('workflow code is bundled with the contract, and with nothing else of ours', () => {
  const ours = sources.flatMap(
    (source) => /(?:^|\/)src\/(?!node_modules)([^/]+)\/[^/]+\.ts$/.exec(withoutPackages(source))?.[1] ?? [],
  );
  expect([...new Set(ours)].sort()).toEqual(['contract', 'workflows']);
});

test('of packages it holds the workflow SDK and what that needs', () => {
  const packages = sources.flatMap((source) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? []);
  expect([...new Set(packages)].sort()).toEqual([
    '@temporalio/common',
    '@temporalio/workflow',
    'long',
    'ms',
    'nexus-rpc',
  ]);
});

test.each(['@aws-sdk', '@smithy', 'zod', 'client-iam', 'process.env'])('its code does not name %s', (name) => {
  // Not `toContain`: its message would be the whole bundle.
  expect(code.slice(0, code.lastIndexOf('//# sourceMappingURL')).includes(name)).toBe(false);
});

test(`it is below ${String(MAX_BYTES)} bytes`, () => {
  expect(code.length).toBeLessThan(MAX_BYTES);
});

/** Packages have folders called `src` as well. */
function withoutPackages(source: string): string {
  return source.includes('node_modules') ? '' : source;
}
