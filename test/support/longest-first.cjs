const { default: Sequencer } = require('@jest/test-sequencer');

/**
 * Files that take more than a minute on two busy cores, the longest first. A lane that started one of them last would
 * run on alone. A fresh clone knows no durations, so Jest would go by the size of the files.
 */
const LONGEST = [
  'chaos/every-call',
  'integration/orphans',
  'integration/exit-codes',
  'integration/bad-input',
  'integration/apply',
  'integration/control',
  'integration/streams',
  'integration/verify',
  'integration/orphan-kinds',
  'chaos/random-faults',
  'chaos/worker-death',
  'chaos/server-death',
  'chaos/zombie',
  'chaos/upgrade',
  'kinds/laws',
].map((name) => require.resolve(`../${name}.test.ts`));

const placeOf = ({ path }) => (LONGEST.includes(path) ? LONGEST.indexOf(path) : LONGEST.length);

/** Starts the longest files first, so that all lanes end together. */
module.exports = class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((a, b) => placeOf(a) - placeOf(b));
  }
};
