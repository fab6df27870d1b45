import type { Condition } from './conditions.js';
import type { Contender } from './contender.js';
import type { CaseName, Sample } from './figures.js';
import type { Stage } from './stage.js';
import type { Workload } from './workload.js';

/** Cases with their workload, their contenders and the number of repeats. */
export interface Round {
  readonly workload: Workload;
  readonly condition: Condition;
  /** In this order, each in the account that the one before has left. */
  readonly cases: readonly CaseName[];
  readonly contenders: readonly Contender[];
  readonly repeats: number;
  /** The cases that contenders other than this project repeat. Default: all. */
  readonly repeated?: readonly CaseName[];
}

/** The preparation of a case, and the number of pipelines that run it. */
interface Case {
  readonly pipelines: number;
  begin(stage: Stage, contender: Contender, workload: Workload): Promise<void>;
}

const fromNothing: Case['begin'] = async (stage, contender, workload) => {
  await contender.forget();
  await contender.prepare();
  // Last: a role that is left over from a warm-up takes a page more of 1,000, and is beyond the quota of 5,000.
  await stage.empty(workload);
};

const CASES: Readonly<Record<CaseName, Case>> = {
  fresh: { pipelines: 1, begin: fromNothing },
  // The worker has seen how AWS throttles.
  'fresh again': { pipelines: 1, begin: (stage, _contender, workload) => stage.empty(workload) },
  'nothing to do': { pipelines: 1, begin: () => Promise.resolve() },
  'one drift': {
    pipelines: 1,
    begin: async (stage, _contender, workload) => {
      // A contender that has failed has left something out.
      if (!(await stage.isAsDeclared(workload))) await stage.fill(workload);
      await stage.drift(workload);
    },
  },
  'state lost': {
    pipelines: 1,
    begin: async (stage, contender, workload) => {
      await stage.fill(workload);
      await contender.forget();
    },
  },
  'ten at once': { pipelines: 10, begin: fromNothing },
};

/** Plays rounds. In each repeat the contenders take turns in an account of their own, and a different one is first. */
export async function play(
  stage: Stage,
  rounds: readonly Round[],
  note: (sample: Sample, complaints: string) => Promise<void>,
): Promise<void> {
  for (const round of rounds) {
    const { workload, contenders, repeats } = round;
    for (let repeat = 0; repeat < repeats; repeat += 1) {
      for (const turn of contenders.keys()) {
        const contender = contenders[(turn + repeat) % contenders.length];
        if (contender === undefined) continue;
        await stage.empty(workload);
        const { cases, repeated = cases } = round;
        const played = repeat === 0 || contender.role === 'ours' ? cases : repeated;
        const may = contender.isStateful === true ? played.filter((name) => name !== 'fresh again') : played;
        await playCases(stage, round, may, contender, note);
      }
    }
  }
}

async function playCases(
  stage: Stage,
  { workload, condition }: Round,
  cases: readonly CaseName[],
  contender: Contender,
  note: (sample: Sample, complaints: string) => Promise<void>,
): Promise<void> {
  for (const name of cases) {
    const { pipelines, begin } = CASES[name];
    await begin(stage, contender, workload);
    const { complaints, ...taken } = await stage.run(contender, workload, condition, pipelines);
    const place = { contender: contender.name, workload: workload.name, condition: condition.name, name };
    await note({ ...place, ...taken }, complaints);
  }
}
