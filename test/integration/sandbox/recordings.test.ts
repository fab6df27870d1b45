import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAwsClients } from '../../../src/aws/clients.js';
import { replayRecording } from '../../acceptance/recordings.js';
import type { Differences } from '../../acceptance/recordings.js';
import { without } from '../../acceptance/without.js';
import { ACCOUNT, sandbox, useSandbox } from '../../support/iam-sandbox.js';

useSandbox();

beforeAll(() => {
  process.env['AWS_ACCESS_KEY_ID'] = 'test';
  process.env['AWS_SECRET_ACCESS_KEY'] = 'test';
});

const FOLDER = join(__dirname, 'recordings');

/** Files of acceptance runs, and of AWS's documentation: each answer in them is one that the sandbox has to give. */
const RECORDINGS = readdirSync(FOLDER).flatMap((name) => {
  const { platform, recordings } = JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as Differences;
  return recordings.map((recording) => [`${recording.id} ${recording.statement}`, platform, recording] as const);
});

test.each(RECORDINGS)('answers as recorded: %s, by %s', async (_name, _platform, recording) => {
  const target = { account: ACCOUNT, partition: 'aws' };
  const clients = createAwsClients(target, { iamEndpoint: sandbox.url, stsEndpoint: sandbox.url });
  const place = { clients, target, start: 'recorded-', settleMs: 0, propagationMs: 0 };
  const { verdict, observed, reason } = await replayRecording(place, recording);
  clients.destroy();
  const answer = observed === null ? null : without(observed, 'message');
  const wanted = without(recording.observed, 'message');
  expect({ verdict, reason, answer }).toEqual({ verdict: 'held', reason: null, answer: wanted });
});
