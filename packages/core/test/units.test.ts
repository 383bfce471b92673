import fc from 'fast-check';
import t from 'tap';
import { parseDuration, parseSize, sizeText } from '../src/units.js';

t.test('sizes are read and written in powers of 1024', async (t) => {
  t.strictSame(['0', '4096', '4k', '64M', '1G', '2T', '7P'].map(parseSize), [
    0,
    4096,
    4096,
    64 * 2 ** 20,
    2 ** 30,
    2 * 2 ** 40,
    7 * 2 ** 50,
  ]);
  for (const text of ['', 'K', '1.5M', '-1', '1KB', '1 M', '8P', '9'.repeat(20), '0x10']) {
    t.equal(parseSize(text), undefined, text);
  }
  t.strictSame([0, 10, 1536, 4096, 6144, 2 ** 30, 2n ** 64n - 1n, 2n ** 60n].map(sizeText), [
    '0',
    '10',
    '1536',
    '4K',
    '6K',
    '1G',
    '18446744073709551615',
    '1E',
  ]);
  fc.assert(
    fc.property(fc.nat(Number.MAX_SAFE_INTEGER), (bytes) => parseSize(sizeText(bytes)) === bytes),
  );
});

t.test('times are read in whole milliseconds', async (t) => {
  t.strictSame(
    ['500ms', '30s', '1.5m', '0.25s', '0.1ms', '1.0005s'].map(parseDuration),
    [500, 30_000, 90_000, 250, 1, 1001],
  );
  for (const text of [
    '',
    '0s',
    '0.0ms',
    '10',
    's',
    '-1s',
    '1h',
    '1 s',
    '1.s',
    '.5s',
    `${'9'.repeat(10)}s`,
  ]) {
    t.equal(parseDuration(text), undefined, text);
  }
});
