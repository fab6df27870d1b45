const project = (displayName) => ({
  displayName,
  testMatch: [`<rootDir>/test/${displayName}/**/*.test.ts`],
  testEnvironment: 'node',
  setupFiles: ['<rootDir>/test/support/plain-output.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { target: 'es2022' } }] },
  // Sources name each other with the suffix that they will have after the build.
  moduleNameMapper: { '^(\\.{1,2}/.*)\\.js$': '$1' },
});

/** Test folders by what they need: nothing, a bundle, the sandbox, or everything with real processes. */
module.exports = {
  projects: ['unit', 'replay', 'workflows', 'kinds', 'integration', 'chaos'].map(project),
  // Processes start in hooks. Jest takes this from here only, not from a project.
  testTimeout: 300_000,
  testSequencer: '<rootDir>/test/support/longest-first.cjs',
};
