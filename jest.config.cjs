const base = {
  testEnvironment: 'node',
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022' } }] },
  // Sources name each other with the suffix that they will have after the build.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
  clearMocks: true,
};

const project = (displayName, testTimeout) => ({
  ...base,
  displayName,
  testMatch: [`<rootDir>/test/${displayName}/**/*.test.ts`],
  testTimeout,
});

/** Test folders by what they need: nothing, the sandbox, or everything with real processes. */
module.exports = {
  projects: [
    project('unit', 10_000),
    project('kinds', 120_000),
    project('replay', 60_000),
    project('integration', 300_000),
    project('chaos', 900_000),
  ].map(({ testTimeout, ...rest }) => ({ ...rest, testTimeout })),
};
