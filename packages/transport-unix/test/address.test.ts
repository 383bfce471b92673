import { VfioUserError } from '@vfio-user/core';
import fc from 'fast-check';
import t from 'tap';
import { parseUnixUri } from '../src/address.js';

t.test('the three forms', async (t) => {
  const parse = (text: string) => parseUnixUri(new URL(text));
  t.strictSame(parse('unix:///run/dev.sock'), { kind: 'path', path: '/run/dev.sock' });
  t.strictSame(parse('unix:/run/dev.sock'), { kind: 'path', path: '/run/dev.sock' });
  t.strictSame(parse('unix:///run/a%20b%23c%C3%A9'), { kind: 'path', path: '/run/a b#cé' });
  t.strictSame(parse('unix:@name'), { kind: 'abstract', path: '@name' });
  t.strictSame(parse('fd:3'), { kind: 'descriptor', number: 3 });
  t.equal(parse(`unix:///${'x'.repeat(106)}`).kind, 'path');
  t.equal(parse(`unix:@${'x'.repeat(107)}`).kind, 'abstract');
});

t.test('everything else is refused with a hint', async (t) => {
  for (const [text, hint] of [
    ['unix://run/dev.sock', /three slashes: unix:\/\/\/run\/dev.sock/],
    ['unix://@name', /unix:@name/],
    ['unix:dev.sock', /unix:\/\/\/absolute/],
    ['unix:', /unix:\/\/\/absolute/],
    ['unix:///', /no usable name/],
    ['unix:@', /no usable name/],
    ['unix:///a%00b', /no usable name/],
    ['unix:///a%zz', /%25/],
    ['unix:///a#b', /%23/],
    ['unix:///a?b=c', /%3F/],
    [`unix:///${'x'.repeat(107)}`, /at most 107 bytes, this one has 108/],
    [`unix:///${'é'.repeat(60)}`, /has 121/],
    ['fd:', /fd:3/],
    ['fd:x', /fd:3/],
    ['fd:-1', /fd:3/],
    ['fd:3.5', /fd:3/],
    ['fd:0x3', /fd:3/],
    ['fd:99999999999', /fd:3/],
    ['fd://3', /fd:3/],
  ] as const) {
    t.throws(
      () => parseUnixUri(new URL(text)),
      { code: 'VFU_CONFIG_INVALID', message: hint },
      text,
    );
  }
});

t.test('a path survives the way through a URI', async (t) => {
  const segment = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(segment, (name) => {
      const path = `/run/${name}.sock`;
      try {
        const address = parseUnixUri(
          new URL(`unix://${path.split('/').map(encodeURIComponent).join('/')}`),
        );
        return 'path' in address && address.path === path;
      } catch (error) {
        return VfioUserError.is(error) && (name.includes('\0') || Buffer.byteLength(path) > 107);
      }
    }),
  );
  t.pass();
});
