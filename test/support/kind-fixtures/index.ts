import type { KindFixture } from './fixture.js';
import { PRINCIPALS } from './principals.js';

export { ACCOUNT } from './fixture.js';
export type { KindFixture, PropertyFixture } from './fixture.js';

/** What the laws need to know of each kind. */
export const KIND_FIXTURES: Readonly<Record<string, KindFixture>> = { ...PRINCIPALS };
