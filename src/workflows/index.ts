export { accountLedger } from './account-ledger.js';
export { bootstrap } from './bootstrap/bootstrap.js';
export { explain } from './explain.js';
export { ledger } from './ledger.js';
export { plan } from './plan.js';
export { reconcileEntity } from './reconcile-entity.js';
