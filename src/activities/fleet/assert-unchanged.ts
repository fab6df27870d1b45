import type { FleetRequest } from '../../contract/fleet.js';
import { fleetDigest } from '../../engine/request-digest.js';
import { failure } from '../runtime/failures.js';

/**
 * Compares the digest of a request, by which clients join its run, with what it does.
 *
 * @throws ApplicationFailure where it is another
 */
export function assertUnchanged(request: FleetRequest): void {
  if (fleetDigest(request) === request.digest) return;
  throw failure('NotAllowed', 'the digest of the request is not that of its content', {
    remedy: 'apply with a command line or a library of the version of the worker',
  });
}
