// Fetches or builds what the embedded servers need, into the user's cache.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const { loadConfig } = require('../dist/config/config.js');
const { sandboxPython } = require('../dist/embedded/sandbox.js');
const { findTemporalCli } = require('../dist/embedded/temporal-cli.js');

const { cacheDirectory, environment, temporalCli } = loadConfig();
const announce = (line) => console.log(`   ${line}`);
try {
  const python = await sandboxPython({ cacheDirectory, environment, announce });
  const cli = await findTemporalCli({ path: temporalCli, cacheDirectory, environment, announce });
  announce(`Temporal CLI: ${cli.path} (${cli.source})`);
  announce(`IAM sandbox: ${python}`);
} catch (error) {
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
}
