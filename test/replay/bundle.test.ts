import { workflowBundle } from '../support/workflow-bundle.js';

/** Workers read the bundle when they start. Most of it is the SDK's, and two thirds are a source map for stack traces. */
const MAX_BYTES = 3_400_000;

interface SourceMap {
  readonly sources: readonly string[];
}

let code: string;
let sources: readonly string[];

beforeAll(async () => {
  ({ code } = await workflowBundle());
  const mark = 'sourceMappingURL=data:application/json;charset=utf-8;base64,';
  const map = Buffer.from(code.slice(code.lastIndexOf(mark) + mark.length), 'base64').toString();
  ({ sources } = JSON.parse(map) as SourceMap);
});

test('the bundle holds the workflows and the rooms that they may import, and no other room', () => {
  const rooms = sources.flatMap((source) => /(?:^|\/)src\/([^/]+)\/.*\.ts$/.exec(withoutPackages(source))?.[1] ?? []);
  expect([...new Set(rooms)].sort()).toEqual(['contract', 'observability', 'report', 'workflows']);
});

test('the bundle holds the workflow SDK and its dependencies, and no other package', () => {
  const packages = sources.flatMap((source) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? []);
  expect([...new Set(packages)].sort()).toEqual([
    '@temporalio/common',
    '@temporalio/workflow',
    'long',
    'ms',
    'nexus-rpc',
  ]);
});

test.each(['@aws-sdk', '@smithy', 'zod', 'client-iam', 'process.env'])(
  'the code of the bundle does not name %s',
  (name) => {
    // Not `toContain`: its message would be the whole bundle.
    expect(code.slice(0, code.lastIndexOf('//# sourceMappingURL')).includes(name)).toBe(false);
  },
);

test(`the bundle is smaller than ${String(MAX_BYTES)} bytes`, () => {
  expect(code.length).toBeLessThan(MAX_BYTES);
});

/** Packages have folders called `src` as well. */
function withoutPackages(source: string): string {
  return source.includes('node_modules') ? '' : source;
}
