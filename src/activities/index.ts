import type { Activities, VerifyResult } from '../contract/steps.js';
import type { Accounts } from './accounts.js';
import { createEntity, deleteEntity, listCandidates, updateEntity } from './entity.js';
import { planEntities } from './plan.js';
import { untilSame } from './verify.js';
import { step } from './work.js';

/** The activities of a worker. Each finds the kind, runs one step and translates errors. */
export function createActivities({ accounts }: { readonly accounts: Accounts }): Activities {
  return {
    planEntities: (request) => step(({ calls }) => planEntities(accounts, request, calls)),
    listCandidates: (request) => step((work) => listCandidates(accounts.get(request.target), request, work)),
    createEntity: (request) => step((work) => createEntity(accounts.get(request.target), request, work)),
    updateEntity: (request) => step((work) => updateEntity(accounts.get(request.target), request, work)),
    deleteEntity: (request) => step((work) => deleteEntity(accounts.get(request.target), request, work)),
    verifyEntities: (request) =>
      step(async ({ calls }): Promise<VerifyResult> => {
        const { target, namespace } = request.request;
        const differing = await untilSame(accounts.get(target), request.entities, request.arns, namespace);
        return { differing, calls };
      }),
  };
}
