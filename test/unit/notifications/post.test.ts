import { DeliveryError } from '../../../src/notifications/delivery-error.js';
import { post } from '../../../src/notifications/post.js';
import { type HttpStage, startHttpStage } from '../../support/http-stage.js';

let stage: HttpStage;
let retryAfter = '';

beforeAll(async () => {
  stage = await startHttpStage(() => ({ status: 503, headers: { 'retry-after': retryAfter }, body: '' }));
});

afterAll(() => {
  stage.stop();
});

test.each([
  ['0.001', 1_000],
  ['7', 7_000],
  ['1e9', 3_600_000],
  ['0', undefined],
  ['-1', undefined],
  ['soon', undefined],
])('Retry-After: %s asks for %s ms, a second at least and an hour at most', async (asked, delay) => {
  retryAfter = asked;
  const error: unknown = await post({ url: stage.url, headers: {}, body: '' }, {}).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DeliveryError);
  expect((error as DeliveryError).retryAfterMs).toBe(delay);
});
