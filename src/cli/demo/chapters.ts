import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pc from 'picocolors';
import type { Outcome } from '../../contract/report.js';
import { packageRoot } from '../../embedded/options.js';
import { plain, print, wrapped } from '../terminal.js';
import { DEMO_ACCOUNT, type PipelineResult, type Stage } from './stage.js';

const GITHUB = join(packageRoot, 'examples/github-ci.yaml');
const CDK = join(packageRoot, 'examples/cdk-bootstrap.yaml');
const RUNNER = 'dev-runner';
const OPERATORS = 'dev-operators';
const BY_HAND = 'arn:aws:iam::aws:policy/AmazonEC2ReadOnlyAccess';
const LOOKUP_ROLE = `cdk-hnb659fds-lookup-role-${DEMO_ACCOUNT}-us-east-1`;
const TRUST = JSON.stringify({
  Version: '2012-10-17',
  Statement: [{ Effect: 'Allow', Principal: { Service: 'ec2.amazonaws.com' }, Action: 'sts:AssumeRole' }],
});

/** Plays the main job. Before it prints a claim, it checks the claim in the journal of the emulator, or by a read. */
export class Play {
  /** The claims that were checked and hold. */
  claims = 0;

  constructor(private readonly stage: Stage) {}

  /** Plays the chapters in their order. Throws at the first claim that does not hold. */
  async run(): Promise<void> {
    await this.#accountThatIsNotEmpty();
    await this.#firstApply();
    await this.#race();
    await this.#onceMore();
    await this.#takeOver();
  }

  async #accountThatIsNotEmpty(): Promise<void> {
    chapter('1. An account that is not empty');
    const iam = this.stage.iamAs('AKIABYHAND');
    const cloudFormation = this.stage.iamAs('AKIAAWSSERVICECLOUDFORMATION');
    await iam.createRole({ RoleName: RUNNER, Path: '/ci/', AssumeRolePolicyDocument: TRUST });
    await iam.attachRolePolicy({ RoleName: RUNNER, PolicyArn: BY_HAND });
    line(
      `Role/${RUNNER} was created by hand. It has no owner, and a policy is attached that the manifest does not declare.`,
    );
    await cloudFormation.createRole({
      RoleName: LOOKUP_ROLE,
      AssumeRolePolicyDocument: TRUST,
      Description: 'as CloudFormation left it',
      Tags: [{ Key: 'aws:cloudformation:stack-name', Value: 'CDKToolkit' }],
    });
    line(`Role/${LOOKUP_ROLE} belongs to the CloudFormation stack CDKToolkit.`);
    await iam.createGroup({ GroupName: OPERATORS.toUpperCase() });
    line(`Group/${OPERATORS.toUpperCase()} differs from a declared name only in case.`);
  }

  async #firstApply(): Promise<void> {
    await this.stage.startWorker();
    chapter('2. A first apply: refused entities stop it before its first write');
    const before = await this.stage.lastSeq();
    const first = await this.stage.pipeline('github-ci', ['apply', '-f', GITHUB]);
    show(first, ['refused']);
    this.#claim(first.code === 3, 'the pipeline exits 3');
    this.#claim((await this.stage.writesSince(before)).length === 0, 'nothing was written to IAM');
  }

  async #race(): Promise<void> {
    const { stage } = this;
    chapter('3. Three pipelines at once with --keep-going, two of them equal, and a worker killed in the middle');
    await stage.stopWorkers();
    const victim = await stage.startWorker();
    const before = await stage.lastSeq();
    const all = Promise.all([
      stage.pipeline('github-ci', ['apply', '-f', GITHUB, '--keep-going']),
      stage.pipeline('github-ci-again', ['apply', '-f', GITHUB, '--keep-going']),
      stage.pipeline('cdk', ['apply', '-f', CDK, '--keep-going']),
    ]);
    all.catch(() => undefined);
    while ((await stage.writesSince(before)).length < 4) await Promise.race([pause(10), all]);
    await victim.kill();
    const soFar = (await stage.writesSince(before)).length;
    line(`worker ${String(victim.pid)} was killed by kill -9 after ${String(soFar)} writes; another one starts`);
    await stage.startWorker();
    const [one, two, cdk] = await all;
    line('the two pipelines of github-ci:');
    show(one, ['created', 'adopted', 'refused', 'skipped']);
    line('the pipeline of cdk:');
    show(cdk, ['created', 'adopted', 'refused', 'skipped']);
    await this.#claimOnce(before, soFar);
    this.#claim(
      one.report.workflow.runId === two.report.workflow.runId,
      'the second pipeline joined the run of the first, and got the same report',
    );
    await this.#claimOwnership(before, one, cdk);
  }

  async #claimOnce(before: number, soFar: number): Promise<void> {
    const writes = await this.stage.writesSince(before);
    this.#claim(
      writes.length > soFar,
      `the run continued without help: ${String(writes.length - soFar)} more writes after the kill`,
    );
    const creates = writes.filter(({ action, code }) => action.startsWith('Create') && code === null);
    const names = creates.map(({ action, params }) => `${action} ${Object.values(params)[0] ?? ''}`);
    const count = String(names.length);
    this.#claim(
      new Set(names).size === names.length,
      `${count} entities were created by ${count} successful Create calls, none of them twice`,
    );
  }

  async #claimOwnership(before: number, one: PipelineResult, cdk: PipelineResult): Promise<void> {
    const iam = this.stage.iamAs('AKIABYHAND');
    this.#claim(outcomeOf(one, 'Role', RUNNER) === 'adopted', `Role/${RUNNER} is reported as adopted, not as created`);
    const { AttachedPolicies = [] } = await iam.listAttachedRolePolicies({ RoleName: RUNNER });
    this.#claim(
      AttachedPolicies.some(({ PolicyArn }) => PolicyArn === BY_HAND),
      'the policy that was attached by hand is still attached: what is not declared is kept',
    );
    const { Role: lookup } = await iam.getRole({ RoleName: LOOKUP_ROLE });
    this.#claim(
      outcomeOf(cdk, 'Role', LOOKUP_ROLE) === 'refused' && lookup?.Description === 'as CloudFormation left it',
      'the role of the CloudFormation stack is refused and unchanged',
    );
    const writes = await this.stage.writesSince(before);
    this.#claim(
      outcomeOf(one, 'Group', OPERATORS) === 'refused' && !writes.some(({ action }) => action === 'CreateGroup'),
      'the name in another case is refused, without an attempt to create it',
    );
  }

  async #onceMore(): Promise<void> {
    chapter('4. Once more: nothing to write, and what was refused is still refused');
    const before = await this.stage.lastSeq();
    const again = await this.stage.pipeline('github-ci', ['apply', '-f', GITHUB, '--keep-going']);
    show(again, ['refused']);
    this.#claim((await this.stage.writesSince(before)).length === 0, 'nothing was written');
    const { created, adopted } = again.report.summary;
    this.#claim(created === 0 && adopted === 0, 'everything else is unchanged');
  }

  async #takeOver(): Promise<void> {
    chapter('5. The refused role, taken over on purpose');
    const before = await this.stage.lastSeq();
    const override = ['--adopt', `foreign:Role/${LOOKUP_ROLE}`];
    const adoption = await this.stage.pipeline('cdk', ['apply', '-f', CDK, ...override]);
    show(adoption, ['adopted', 'updated', 'failed']);
    this.#claim(
      adoption.code === 0 && outcomeOf(adoption, 'Role', LOOKUP_ROLE) === 'adopted',
      'with the override that the refusal names, the pipeline exits 0',
    );
    const writes = await this.stage.writesSince(before);
    this.#claim(
      writes.every(({ params }) => params['RoleName'] === LOOKUP_ROLE),
      'only that role was written',
    );
    const { code } = await this.stage.pipeline('cdk', ['plan', '-f', CDK, '--detailed-exitcode']);
    this.#claim(code === 0, 'a plan finds no drift: plan --detailed-exitcode exits 0');
  }

  /** Prints a claim that holds, and throws where it does not hold. */
  #claim(holds: boolean, text: string): void {
    if (!holds) throw new Error(`claim does not hold: ${text}`);
    this.claims += 1;
    line(`${pc.green('checked')} ${text}`);
  }
}

/** Prints the title of a part. */
export function chapter(title: string): void {
  print('');
  print(wrapped(pc.bold(title), process.stdout));
}

/** Prints a line below a title. */
export function line(text: string): void {
  print(wrapped(`  ${text}`, process.stdout));
}

function show({ code, report }: PipelineResult, outcomes: readonly Outcome[]): void {
  for (const { kind, name, outcome, reason, remedy } of report.entities) {
    if (!outcomes.includes(outcome)) continue;
    const why = reason === null || outcome === 'skipped' ? '' : `: ${plain(reason)}`;
    line(`  ${outcome.padEnd(9)} ${kind}/${plain(name)}${why}`);
    if (remedy !== null) line(`            remedy: ${plain(remedy)}`);
  }
  line(`  exit code ${String(code)}, result ${report.result}, ${String(report.apiCalls.total)} AWS calls`);
}

function outcomeOf({ report }: PipelineResult, kind: string, name: string): Outcome | undefined {
  return report.entities.find((entity) => entity.kind === kind && entity.name === name)?.outcome;
}
