import fc from 'fast-check';
import t from 'tap';
import { getIova, type Iova, normalizeIova, setIova } from '../src/address.js';

t.test('every unsigned 64-bit value survives a round trip in its canonical form', async (t) => {
  const view = new DataView(new ArrayBuffer(8));
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
      const iova: Iova = normalizeIova(value);
      setIova(view, 0, iova);
      return view.getBigUint64(0, true) === value && getIova(view, 0) === iova;
    }),
  );
  t.equal(typeof normalizeIova(2n ** 53n - 1n), 'number');
  t.equal(typeof normalizeIova(2n ** 53n), 'bigint');
});
