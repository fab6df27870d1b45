import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import { dataConverter } from '../../src/temporal/payload-codec.js';

/** Histories fetched at a time. */
const FETCHES = 10;

/** Returns the histories of all runs of a server as text, with decoded payloads. */
export async function historiesAsText(client: Client): Promise<string> {
  const runs: { readonly workflowId: string; readonly runId: string }[] = [];
  for await (const { workflowId, runId } of client.workflow.list()) runs.push({ workflowId, runId });
  const texts: string[] = [];
  for (let first = 0; first < runs.length; first += FETCHES) {
    const some = runs.slice(first, first + FETCHES).map(async ({ workflowId, runId }) => {
      return textOf(await client.workflow.getHandle(workflowId, runId).fetchHistory());
    });
    texts.push(...(await Promise.all(some)));
  }
  return texts.join('\n');
}

/** Collects descriptions of open runs: pending activities with heartbeats and last failures. */
export class Watch {
  readonly #client: Client;
  readonly #texts = new Set<string>();
  readonly #watching: Promise<void>;
  #stopped = false;

  constructor(client: Client) {
    this.#client = client;
    this.#watching = this.#look();
  }

  /** Stops and returns what was collected. */
  async end(): Promise<string> {
    this.#stopped = true;
    await this.#watching;
    return [...this.#texts].join('\n');
  }

  async #look(): Promise<void> {
    while (!this.#stopped) {
      for await (const { workflowId, runId } of this.#client.workflow.list({ query: 'ExecutionStatus="Running"' })) {
        const { raw } = await this.#client.workflow.getHandle(workflowId, runId).describe();
        this.#texts.add(await textOf(raw));
      }
      await new Promise((resume) => setTimeout(resume, 200));
    }
  }
}

/** Returns every text in a message of Temporal. */
async function textOf(value: unknown): Promise<string> {
  const texts: string[] = [];
  const collect = async (part: unknown): Promise<void> => {
    if (typeof part === 'string') texts.push(part);
    else if (part instanceof Uint8Array) texts.push(Buffer.from(part).toString());
    else if (isPayload(part)) {
      for (const codec of dataConverter.payloadCodecs) {
        for (const { data } of await codec.decode([part])) texts.push(Buffer.from(data ?? []).toString());
      }
    } else if (typeof part === 'object' && part !== null) {
      for (const member of Object.values(part)) await collect(member);
    }
  };
  await collect(value);
  return texts.join('\n');
}

function isPayload(value: unknown): value is Payload {
  return typeof value === 'object' && value !== null && 'metadata' in value && 'data' in value;
}

/** Returns all encodings of a secret. For a text of several lines, those of each line. */
export function writingsOf(secret: string): string[] {
  const lines = secret.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
  return [...new Set(lines.flatMap((line) => [line, encodeURIComponent(line), escaped(line), base64(line)]))];
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}

/** Removes the last characters, which depend on what follows. */
function base64(text: string): string {
  return Buffer.from(text)
    .toString('base64')
    .replace(/.{0,3}=*$/, '');
}
