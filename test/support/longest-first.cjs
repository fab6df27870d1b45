const { default: Sequencer } = require('@jest/test-sequencer');

/**
 * Files that take more than a minute on two busy cores, the longest first. A lane that started one of them last would
 * run on alone. A fresh clone knows no durations, so Jest would go by the size of the files.
 */
const LONGEST = [
  'chaos/every-call',
  'integration/acceptance',
  'integration/help',
  'integration/orphan-kinds',
  'chaos/worker-death',
  'integration/race',
  'chaos/zombie',
  'integration/privileges',
  'integration/leave',
  'integration/orphans',
  'integration/bad-input',
  'integration/secrets',
  'integration/fleet',
  'chaos/random-faults',
  'kinds/laws',
  'chaos/server-death',
  'chaos/upgrade',
  'integration/apply',
  'integration/exit-codes',
  'integration/control',
  'chaos/largest-account',
  'integration/verify',
  'integration/streams',
  'integration/renames',
  'integration/losing-things',
  'integration/pages',
].map((name) => require.resolve(`../${name}.test.ts`));

const placeOf = ({ path }) => (LONGEST.includes(path) ? LONGEST.indexOf(path) : LONGEST.length);

/** Starts the longest files first, so that all lanes end together. */
module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((a, b) => placeOf(a) - placeOf(b));
  }
};
