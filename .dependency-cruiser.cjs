/** The arrows that are allowed between the rooms of src/, by value imports, transitively where it matters. */
const only = (room, ...allowed) => ({
  name: `${room}-imports`,
  comment: `${room}/ may import ${allowed.join(', ') || 'nothing'}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: [room, ...allowed].map((name) => `^src/${name}(/|\\.ts$)`) },
});

module.exports = {
  forbidden: [
    only('contract'),
    only('engine', 'contract'),
    only('aws', 'contract'),
    only('kinds', 'engine', 'contract', 'aws'),
    only('activities', 'engine', 'kinds', 'aws', 'contract'),
    only('workflows', 'contract'),
    only('client', 'contract', 'engine', 'kinds', 'config', 'payload-codec'),
    only('cli', 'client', 'engine', 'contract', 'config', 'embedded', 'worker', 'doctor'),
    only('embedded', 'config'),
    { name: 'no-circular', severity: 'error', from: { path: '^src/' }, to: { circular: true } },
    {
      name: 'kinds-know-no-other-kind',
      severity: 'error',
      from: { path: '^src/kinds/', pathNot: '^src/kinds/index\\.ts$' },
      to: { path: '^src/kinds/', pathNot: '^src/kinds/(kind|fields|principal-policies)\\.ts$' },
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
        path: ['node_modules/@aws-sdk', 'node_modules/zod', '^src/(kinds|aws|engine|activities)/'],
        reachable: true,
      },
    },
    {
      name: 'engine-is-pure',
      severity: 'error',
      from: { path: '^src/(engine|contract)/' },
      to: { path: ['node_modules/@(aws-sdk|temporalio)', '^(node:)?(fs|net|http|child_process|os)'], reachable: true },
    },
    {
      name: 'temporal-only-where-it-belongs',
      severity: 'error',
      from: { path: '^src/(kinds|aws|engine|contract)/' },
      to: { path: 'node_modules/@temporalio' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['^dist/', '^test/'] },
    tsPreCompilationDeps: false,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'default'] },
  },
};
