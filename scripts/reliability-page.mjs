// docs/reliability.md, from the record of a run of `npm run chaos`: docs/reliability.json.

const count = (trials, of) => trials.reduce((sum, trial) => sum + trial[of], 0);
const cell = (text) => String(text).replaceAll('|', '\\|');
const table = (heads, rows) =>
  [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');

/** Trials added up by one of their members, in the order of the first of each. */
function by(trials, member) {
  const groups = new Map();
  for (const trial of trials) groups.set(trial[member], [...(groups.get(trial[member]) ?? []), trial]);
  return [...groups];
}

function chapterOf({ title, what, command, trials, figures = [], run }) {
  const lost = trials.filter(({ cases, survived }) => survived < cases);
  const places = by(trials, 'at').map(([at, those]) => [at, count(those, 'cases'), count(those, 'survived')]);
  return [
    `## ${title}`,
    what,
    `\`\`\`sh\n${run.form === 'long' ? command : command.replace('IAM_BOOTSTRAP_CHAOS=long ', '')}\n\`\`\``,
    `The ${run.form} form, run on ${run.date}, commit \`${run.commit}\`, Node ${run.node}, ${run.cpus} cores.`,
    table(
      ['fault', 'places', 'cases', 'survived'],
      by(trials, 'fault').map(([fault, those]) => [
        fault,
        new Set(those.map(({ at }) => at)).size,
        count(those, 'cases'),
        count(those, 'survived'),
      ]),
    ),
    ...(lost.length === 0
      ? []
      : [
          'Not survived:',
          table(
            ['fault', 'at', 'cases', 'survived'],
            lost.map((one) => [one.fault, one.at, one.cases, one.survived]),
          ),
        ]),
    ...(places.length < 2
      ? []
      : [
          `<details>\n<summary>By place: ${places.length}</summary>\n\n${table(['at', 'cases', 'survived'], places)}\n\n</details>`,
        ]),
    ...(figures.length === 0
      ? []
      : [
          table(
            ['measured beside', ''],
            figures.map((one) => [one.what, `${one.value} ${one.unit}`.trim()]),
          ),
        ]),
  ].join('\n\n');
}

/** The page of the chapters that the tests have kept. */
export function reliabilityPage({ chapters }) {
  const all = chapters.flatMap(({ trials }) => trials);
  return [
    '# Reliability',
    "What was broken on purpose, and what came of it: against a real Temporal server, a strict IAM emulator behind a fault proxy, and real processes that are really killed. A case survives where every promise of the [README](../README.md#promises-and-the-test-that-proves-each) that it touches holds, as counted at the proxy and by the emulator, and not by the engine's own report. What was found on the way, and how it was mended: [holes](holes.md).",
    table(
      ['chapter', 'faults', 'places', 'cases', 'survived'],
      [
        ...chapters.map(({ title, trials }) => [
          title,
          new Set(trials.map(({ fault }) => fault)).size,
          new Set(trials.map(({ at }) => at)).size,
          count(trials, 'cases'),
          count(trials, 'survived'),
        ]),
        [
          'all',
          new Set(all.map(({ fault }) => fault)).size,
          new Set(all.map(({ at }) => at)).size,
          count(all, 'cases'),
          count(all, 'survived'),
        ],
      ],
    ),
    '```sh\nnpm run chaos\n```',
    'runs all of it from a fresh clone and writes this page; every number comes from such a run, or from `npm test`, which runs the short form of every chapter: a sample.',
    ...chapters.map(chapterOf),
  ].join('\n\n');
}
