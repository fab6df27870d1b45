import jest from 'eslint-plugin-jest';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', 'test/replay/histories/', '**/*.cjs', '**/*.mjs', 'examples/'] },
  tseslint.configs.strictTypeChecked,
  tseslint.configs.stylisticTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      // `process.env['X']` is what noPropertyAccessFromIndexSignature asks for.
      '@typescript-eslint/dot-notation': 'off',
      '@typescript-eslint/consistent-type-definitions': ['error', 'interface'],
      '@typescript-eslint/no-unnecessary-type-parameters': 'off',
    },
  },
  {
    files: ['src/**'],
    ignores: ['src/config.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'process', property: 'env', message: 'src/config.ts reads the environment' },
      ],
    },
  },
  {
    // Workflow code runs again from its history: nothing in it may depend on anything else.
    files: ['src/workflows/**'],
    rules: {
      'no-restricted-globals': ['error', 'process', 'fetch', 'crypto', 'Buffer', 'require'],
      '@typescript-eslint/no-restricted-imports': [
        'error',
        { patterns: [{ group: ['node:*', '@aws-sdk/*', 'zod', '**/kinds/*', '**/aws/*'], allowTypeImports: true }] },
      ],
    },
  },
  {
    files: ['test/**', 'bench/**', 'scripts/**'],
    plugins: { jest },
    rules: {
      '@typescript-eslint/unbound-method': 'off',
      'jest/no-focused-tests': 'error',
      'jest/no-disabled-tests': 'error',
      'jest/no-identical-title': 'error',
    },
  },
);
