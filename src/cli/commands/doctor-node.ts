import { type Check, ok, problem } from './doctor-check.js';

/** The end of security fixes of each major version with long-term support. Source: github.com/nodejs/Release. */
const END_OF_LIFE: Readonly<Record<number, string>> = { 20: '2026-04-30', 22: '2027-04-30', 24: '2028-04-30' };

/** The oldest major version that AWS SDK releases from January 2027 on support, by the SDK's own warning. */
const MIN_MAJOR_OF_AWS_SDK = 22;

const REMEDY = 'install Node.js 22 or 24';

/** Checks that a version of Node.js (`v22.1.0`) still gets security fixes. Unsupported versions do not get here. */
export function checkNode(version: string, now: Date): Check {
  const name = 'node';
  const major = Number(/^v(\d+)\./.exec(version)?.[1]);
  const end = END_OF_LIFE[major];
  // The last day counts.
  const hasEnded = end !== undefined && now.toISOString().slice(0, 10) > end;
  const reasons = [
    ...(hasEnded ? [`Node.js ${String(major)} has had no security fixes since ${end}`] : []),
    ...(major < MIN_MAJOR_OF_AWS_SDK
      ? [`AWS SDK releases from January 2027 on need Node.js ${String(MIN_MAJOR_OF_AWS_SDK)}`]
      : []),
    ...(major % 2 === 1 ? [`Node.js ${String(major)} has no long-term support`] : []),
  ];
  return reasons.length === 0 ? ok(name, version) : problem(name, 'warn', `${version}: ${reasons.join('; ')}`, REMEDY);
}
