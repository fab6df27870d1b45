/**
 * The arrows that are allowed between the rooms of src/: `npm run boundaries` proves them, once over what is loaded at
 * run time and once over types as well (BOUNDARIES_TYPES=1), where only circles count.
 */
const ROOMS = {
  contract: [],
  report: ['contract'],
  engine: ['contract'],
  guardrails: ['engine', 'contract'],
  identity: ['engine', 'contract', 'aws/agents'],
  notifications: ['engine', 'contract'],
  files: [],
  aws: ['contract', 'engine/partitions', 'files'],
  kinds: ['engine', 'contract', 'aws'],
  temporal: ['contract', 'identity', 'aws/kms'],
  config: ['contract'],
  observability: ['contract', 'aws'],
  activities: [
    'engine',
    'guardrails',
    'identity',
    'notifications',
    'kinds',
    'aws',
    'report',
    'contract',
    'observability',
    'temporal/pending-activities',
    'temporal/principal',
    'temporal/sent-bytes',
    'temporal/first-event',
    'temporal/chain',
    'temporal/payload-codec',
  ],
  workflows: ['contract', 'report', 'observability/instruments'],
  client: ['temporal', 'contract', 'engine', 'guardrails', 'identity', 'notifications', 'kinds', 'report', 'files'],
  embedded: ['config', 'contract', 'identity', 'files'],
  cli: ['client', 'temporal', 'engine', 'contract', 'report', 'config', 'embedded', 'observability', 'files'],
};

const roomRule = ([room, allowed]) => ({
  name: `${room}-imports`,
  comment: `${room}/ may import ${allowed.join(', ') || 'no other room'}`,
  severity: 'error',
  from: { path: `^src/${room}/`, pathNot: EXCEPTIONS },
  to: { path: '^src/', pathNot: [room, ...allowed].map((name) => `^src/${name}(/|\\.ts$)`) },
});

/** Files that put rooms together. Each has a rule of its own below. */
const EXCEPTIONS = [
  '^src/client/index\\.ts$',
  '^src/cli/commands/doctor(-aws|-notifications)?\\.ts$',
  '^src/cli/commands/worker\\.ts$',
  '^src/cli/session\\.ts$',
];

const noCircles = { name: 'no-circular', severity: 'error', from: { path: '^src/' }, to: { circular: true } };

const forbidden = [
  ...Object.entries(ROOMS).map(roomRule),
  noCircles,
  {
    name: 'every-file-in-a-room',
    comment: 'only the composition root stands at the top of src/',
    severity: 'error',
    from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/worker\\.ts$' },
    to: {},
  },
  {
    name: 'worker-is-the-root',
    comment: 'only a command that runs a worker may import the composition root',
    severity: 'error',
    from: { path: '^src/', pathNot: ['^src/worker\\.ts$', '^src/cli/commands/worker\\.ts$', '^src/cli/session\\.ts$'] },
    to: { path: '^src/worker\\.ts$' },
  },
  {
    name: 'library-imports',
    comment: 'the entry of the package also hands out the configuration that its functions take',
    severity: 'error',
    from: { path: '^src/client/index\\.ts$' },
    to: { path: '^src/', pathNot: ['client', ...ROOMS.client, 'config'].map((name) => `^src/${name}/`) },
  },
  {
    name: 'doctor-imports',
    comment: 'doctor looks at AWS itself, since it has to work where no worker does',
    severity: 'error',
    from: { path: '^src/cli/commands/doctor(-aws|-notifications)?\\.ts$' },
    to: {
      path: '^src/',
      pathNot: ['cli', ...ROOMS.cli, 'aws', 'kinds', 'notifications'].map((name) => `^src/${name}/`),
    },
  },
  {
    name: 'kinds-know-no-other-kind',
    severity: 'error',
    from: { path: '^src/kinds/', pathNot: '^src/kinds/index\\.ts$' },
    to: { path: '^src/kinds/', pathNot: '^src/kinds/(kind\\.ts$|shared/)' },
  },
  {
    name: 'kinds-load-without-the-aws-sdk',
    comment: 'a command line that only validates must not load the SDK',
    severity: 'error',
    from: { path: '^src/kinds/' },
    to: { path: 'node_modules/@aws-sdk', reachable: true },
  },
  {
    name: 'workflows-reach-nothing-but-temporal',
    severity: 'error',
    from: { path: '^src/workflows/' },
    to: {
      path: [
        'node_modules/@aws-sdk',
        'node_modules/zod',
        '^src/(kinds|aws|engine|guardrails|identity|notifications|activities|client|config)/',
      ],
      reachable: true,
    },
  },
  {
    name: 'engine-is-pure',
    severity: 'error',
    from: { path: '^src/(engine|guardrails|contract|report)/', pathNot: '^src/contract/messages\\.ts$' },
    to: { path: ['node_modules/@(aws-sdk|temporalio)', '^(node:)?(fs|net|http|child_process|os)'], reachable: true },
  },
  {
    name: 'temporal-only-where-it-belongs',
    comment: 'message definitions are the one place of contract/ that needs the SDK',
    severity: 'error',
    from: {
      path: '^src/(kinds|aws|engine|guardrails|identity|notifications|contract|report|config)/',
      pathNot: '^src/contract/messages\\.ts$',
    },
    to: { path: ['node_modules/@temporalio', '^src/contract/messages\\.ts$'] },
  },
];

const withTypes = process.env.BOUNDARIES_TYPES === '1';

module.exports = {
  forbidden: withTypes ? [noCircles] : forbidden,
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^dist/', '^test/'] },
    tsPreCompilationDeps: withTypes,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
