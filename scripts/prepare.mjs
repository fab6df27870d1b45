// Fetches what the embedded servers need into the user's cache. It loads the sources themselves, so that it can run
// while they are built.
import { createJiti } from 'jiti';

const { import: load } = createJiti(import.meta.url);
const { loadConfig } = await load('../src/config/config.ts');
const { sandboxPython } = await load('../src/embedded/sandbox.ts');
const { findTemporalCli } = await load('../src/embedded/temporal-cli.ts');

const { cacheDirectory, environment, temporalCli } = loadConfig();
const announce = (line) => console.log(`   ${line}`);
const results = await Promise.allSettled([
  findTemporalCli({ path: temporalCli, cacheDirectory, environment, announce }).then(({ path, source }) =>
    announce(`Temporal CLI: ${path} (${source})`),
  ),
  sandboxPython({ cacheDirectory, environment, announce }).then((python) => announce(`IAM sandbox: ${python}`)),
]);
for (const { status, reason } of results) {
  if (status === 'fulfilled') continue;
  console.error(`error: ${reason.message}`);
  process.exitCode = 1;
}
