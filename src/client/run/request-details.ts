import type { BootstrapRequest } from '../../contract/request.js';
import { code, page, plain } from '../../report/markdown.js';
import { counted } from '../../report/text.js';
import { describeOrigin } from '../describe.js';

/** Returns the line that names a run in the Temporal UI. */
export function requestSummary(type: string, { namespace, environment, target, entities }: BootstrapRequest): string {
  const count = counted(entities.length, 'entity', 'entities');
  return `${type} ${plain(namespace)} (${plain(environment)}) in ${plain(target.account)}: ${count}`;
}

/** Returns the text below it: where the request comes from. */
export function requestDetails({ manifest, pipeline, digest }: BootstrapRequest): string {
  const { commit } = pipeline;
  const origin = `Manifest ${code(manifest)}, requested by ${plain(describeOrigin(pipeline))}`;
  return page([`${origin}${commit === null ? '' : `, commit ${code(commit)}`}.`, '', `Digest ${code(digest)}`]);
}
