import { bytesField, intField } from '../../../src/embedded/server-api.js';

test('protobuf fields are encoded in the wire format', () => {
  expect(bytesField(1, 'ab')).toEqual(Buffer.from([0x0a, 2, 0x61, 0x62]));
  expect(intField(2, 300)).toEqual(Buffer.from([0x10, 0xac, 0x02]));
  expect(bytesField(1, 'x'.repeat(200)).subarray(0, 3)).toEqual(Buffer.from([0x0a, 0xc8, 0x01]));
});
