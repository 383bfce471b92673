import fc from 'fast-check';
import t from 'tap';
import { canonicalIova, getIova, type Iova, normalizeIova, setIova } from '../src/address.js';

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

t.test('an address of a user gets its canonical form; what is none is refused', async (t) => {
  t.equal(canonicalIova(4096n), 4096);
  t.equal(canonicalIova(4096), 4096);
  t.equal(canonicalIova(2 ** 54), 2n ** 54n);
  t.equal(canonicalIova(2n ** 64n - 1n), 2n ** 64n - 1n);
  for (const value of [-1, -1n, 2 ** 64, 2n ** 64n, Number.NaN, 0.5, Number.POSITIVE_INFINITY]) {
    t.throws(() => canonicalIova(value), { name: 'RangeError', message: /is no address/ });
  }
});
