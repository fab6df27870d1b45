import { awsFailure } from '../../fake-account.js';

/** Returns an error as AWS answers it. The client adds the operation. */
export function iamFailure(code: string, message: string): Error {
  return awsFailure(code, '', message);
}
