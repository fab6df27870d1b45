import { noopMetricMeter } from '@temporalio/common';
import { DefaultLogger } from '@temporalio/worker';
import { compileWorkerOptions } from '@temporalio/worker/lib/worker-options';
import { workflowTaskTimeoutMs, MAX_ENTITIES } from '../../src/contract/request.js';
import { ISOLATION } from '../../src/worker.js';

test('workflow code may keep its thread for as long as Temporal waits for the largest run', () => {
  const options = { taskQueue: 'queue', workflowBundle: { code: '' }, ...ISOLATION };
  const { isolateExecutionTimeoutMs } = compileWorkerOptions(options, new DefaultLogger('ERROR'), noopMetricMeter);
  expect(isolateExecutionTimeoutMs).toBeGreaterThan(workflowTaskTimeoutMs(MAX_ENTITIES));
  // Temporal takes no longer one.
  expect(workflowTaskTimeoutMs(MAX_ENTITIES)).toBeLessThanOrEqual(120_000);
});
