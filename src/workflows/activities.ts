import { proxyActivities, proxyLocalActivities, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../contract/activities.js';
import type { FleetActivities } from '../contract/fleet.js';
import { RETRY_DELAYS } from '../contract/failures.js';
import type { WorkerGateActivities } from '../contract/worker-gate.js';
import { plain } from '../report/markdown.js';

const OPTIONS = {
  /** A large account takes minutes to read, and a throttled one minutes to write. */
  startToCloseTimeout: '10m',
  /** A dead worker is noticed after this time, and the activity runs again on another one. */
  heartbeatTimeout: '6s',
  /** Attempts are not limited: no worker may run for hours, and an activity ends its own attempts. */
  retry: RETRY_DELAYS,
} as const satisfies ActivityOptions;

/** The activity that reads the account in bulk. */
export const accountReads = proxyActivities<Pick<Activities, 'planEntities'>>(OPTIONS);

const verificationOptions = { ...OPTIONS, cancellationType: 'WAIT_CANCELLATION_COMPLETED' } as const;

/** The activity that verifies what was written. Where its run is cancelled, it returns what it has seen by then. */
export const verification = proxyActivities<Pick<Activities, 'verifyEntities'>>(verificationOptions);

/** The verification of a cancelled run, which waits for nothing. */
export const lastVerification = proxyActivities<Pick<Activities, 'verifyEntities'>>({
  ...verificationOptions,
  retry: { maximumAttempts: 1 },
});

/** The activities that find and end what an earlier run has left behind. A worker that is gone holds up its end. */
export const entityRunActivities = proxyActivities<Pick<Activities, 'findEntityRuns' | 'endEntityRuns'>>(OPTIONS);

/** The activities that hand the state of a run to the next one of its chain. */
export const keptStateActivities = proxyActivities<Pick<Activities, 'keepState' | 'readKeptState'>>(OPTIONS);

/** The activity that lists what a run waits for. The next check repeats it. */
export const pendingActivityLists = proxyActivities<Pick<Activities, 'listPendingActivities'>>({
  ...OPTIONS,
  startToCloseTimeout: '1m',
  scheduleToCloseTimeout: '2m',
});

/** The activities that ask ledgers, which are workflows of the same workers. */
export const ledgerActivities = proxyActivities<
  Pick<Activities, 'claimRevision' | 'claimEntities' | 'declareEntities'>
>({
  ...OPTIONS,
  startToCloseTimeout: '2m',
});

/**
 * The activities of a scheduled run that ask the ledger and the drift record, which are workflows of the same workers. A
 * cancelled run waits for them: once it has ended, it records nothing more.
 */
export const scheduleActivities = proxyActivities<Pick<Activities, 'otherRevision' | 'recordDrift'>>({
  ...OPTIONS,
  startToCloseTimeout: '2m',
  cancellationType: 'WAIT_CANCELLATION_COMPLETED',
});

/** The activity that looks for causes of drift in CloudTrail. The next run looks again. */
export const causeActivities = proxyActivities<Pick<Activities, 'findDriftCauses'>>({
  ...OPTIONS,
  startToCloseTimeout: '2m',
  retry: { maximumAttempts: 2 },
});

/** The activity that permits a schedule. A person or a job waits for it. */
export const permitActivities = proxyActivities<Pick<Activities, 'permitSchedule'>>({
  ...OPTIONS,
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '1m',
});

/** The activity that finds the accounts of a fleet. */
export const fleetAccounts = proxyActivities<Pick<FleetActivities, 'resolveFleet'>>(OPTIONS);

/** The activity that finds the run of an account again. The fleet asks until it has closed. */
export const accountRuns = proxyActivities<Pick<FleetActivities, 'findAccountRun'>>({
  ...OPTIONS,
  startToCloseTimeout: '1m',
});

/** The activity that finds the run an account has waited for. The account ends without its name too. */
export const namespaceHolders = proxyActivities<Pick<FleetActivities, 'findNamespaceHolder'>>({
  ...OPTIONS,
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '1m',
});

/**
 * Returns the activity that makes the request for an account.
 *
 * @param account - its tasks are dispatched fairly among those of all accounts
 */
export function accountActivities(account: string): Pick<FleetActivities, 'prepareFleetAccount'> {
  return proxyActivities<Pick<FleetActivities, 'prepareFleetAccount'>>({
    ...OPTIONS,
    startToCloseTimeout: '2m',
    priority: { fairnessKey: account },
    summary: account,
  });
}

/** The activity behind `explain`. A person waits for it, so it is tried only twice. */
export const evidenceActivities = proxyActivities<Pick<Activities, 'gatherEvidence'>>({
  ...OPTIONS,
  startToCloseTimeout: '2m',
  retry: { maximumAttempts: 2 },
});

/** The activity that checks a worker. It is local, since another worker, of another build maybe, would check itself. */
export const gateActivities = proxyLocalActivities<WorkerGateActivities>({
  startToCloseTimeout: '1m',
  retry: { ...RETRY_DELAYS, maximumAttempts: 5 },
});

/** The activity that looks up entities in bulk. A person waits for it. */
export const lookUpActivities = proxyActivities<Pick<Activities, 'lookUpEntities'>>({
  ...OPTIONS,
  retry: { ...RETRY_DELAYS, maximumAttempts: 5 },
});

/** The activity that reads a page of an account, the first one in a time that depends on its size. A person waits for it. */
export const captureActivities = proxyActivities<Pick<Activities, 'captureAccount'>>({
  ...OPTIONS,
  startToCloseTimeout: '1h',
  retry: { ...RETRY_DELAYS, maximumAttempts: 5 },
});

/** The activity that tells a client how to prove who it is. */
export const proofActivities = proxyActivities<Pick<Activities, 'proofTerms'>>({
  ...OPTIONS,
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '1m',
});

/** The activity that verifies who decides about a plan. A person waits for it. */
export const decisionActivities = proxyActivities<Pick<Activities, 'verifyDecision' | 'verifySignature'>>({
  ...OPTIONS,
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '45s',
});

/** The activities that find out whom to tell, if anybody. Nobody waits for them. */
export const notificationActivities = proxyActivities<Pick<Activities, 'notificationChannels' | 'recordOutcome'>>({
  ...OPTIONS,
  startToCloseTimeout: '30s',
  scheduleToCloseTimeout: '1d',
});

/** Returns the activity that delivers a notification to a channel, which may be down for a day. */
export function deliveryActivities(channel: string): ReturnType<typeof proxyActivities<DeliveryActivities>> {
  return proxyActivities<DeliveryActivities>({
    startToCloseTimeout: '1m',
    scheduleToCloseTimeout: '1d',
    retry: { initialInterval: '1s', backoffCoefficient: 2, maximumInterval: '10m' },
    summary: plain(`deliver to ${channel}`),
  });
}

type DeliveryActivities = Pick<Activities, 'deliverNotification'>;

type EntityActivities = Pick<Activities, 'listCandidates' | 'createEntity' | 'updateEntity' | 'deleteEntity'>;

/**
 * Returns the activities that write one entity. Where its run is cancelled, an activity ends before its next write, and
 * the run waits for that.
 *
 * @param summary - names the call in the Temporal UI
 */
export function entityActivities(summary: string): ReturnType<typeof proxyActivities<EntityActivities>> {
  return proxyActivities<EntityActivities>({
    ...OPTIONS,
    cancellationType: 'WAIT_CANCELLATION_COMPLETED',
    summary: plain(summary),
  });
}
