// The floor: what a script does that knows the SDK and nothing else. It makes the same writes, as many at a time, reads
// nothing, and takes "already exists" for an answer. Run as a process of its own: bare.cjs INPUT.json
import { readFileSync } from 'node:fs';
import { AttachRolePolicyCommand, CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';

/** One role with an inline policy and an attachment. */
export interface BareRole {
  readonly RoleName: string;
  readonly Description: string;
  readonly MaxSessionDuration: number;
  readonly AssumeRolePolicyDocument: string;
  readonly Tags: Readonly<Record<string, string>>;
  readonly inline: { readonly PolicyName: string; readonly PolicyDocument: string };
  readonly PolicyArn: string;
}

/** The input of the process. */
export interface BareInput {
  readonly endpoint: string;
  readonly concurrency: number;
  readonly roles: readonly BareRole[];
}

/** The output of the process: the time of its calls, without its own start. */
export interface BareOutput {
  readonly ms: number;
}

async function main(): Promise<void> {
  const { endpoint, concurrency, roles } = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as BareInput;
  // With the SDK's three attempts it fails where AWS throttles, and is a floor for nobody.
  const iam = new IAMClient({ endpoint, region: 'us-east-1', maxAttempts: 50 });
  const startedAt = performance.now();
  const waiting = [...roles];
  const takeTurns = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await write(iam, next);
  };
  await Promise.all(Array.from({ length: concurrency }, takeTurns));
  const output: BareOutput = { ms: performance.now() - startedAt };
  process.stdout.write(JSON.stringify(output));
}

async function write(iam: IAMClient, { inline, PolicyArn, Tags, ...role }: BareRole): Promise<void> {
  const { RoleName } = role;
  const tags = Object.entries(Tags).map(([Key, Value]) => ({ Key, Value }));
  try {
    await iam.send(new CreateRoleCommand({ ...role, Tags: tags }));
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'EntityAlreadyExistsException') throw error;
  }
  await iam.send(new PutRolePolicyCommand({ RoleName, ...inline }));
  await iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
}

void main();
