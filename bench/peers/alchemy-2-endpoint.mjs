// Sends the calls of alchemy 2 to the emulator: with credentials of the environment it has no setting for an endpoint.
const { fetch } = globalThis;

globalThis.fetch = (input, init) =>
  fetch(String(input).replace(/^https:\/\/(iam|sts)\.amazonaws\.com/, process.env.BENCH_ENDPOINT), init);
