import { parseHostPort } from '@vfio-user/core/transport';
import * as z from 'zod';

const NO_PATTERNS = 'a * has no meaning here: give each name, separated by commas';

/** `host=`: further names of a server, `name` or `name:port`, separated by commas. */
export const hostList = listOf((text) => {
  const parsed = parseHostPort(text);
  if (parsed.host === '') throw new Error('expected a host name, for example devices.example');
  if (parsed.host.includes('*')) throw new Error(NO_PATTERNS);
  if ((parsed.port ?? 0) > 65_535) throw new Error('the last port is 65535');
  return parsed;
});

/** `origin=`: the web pages that may connect, as a browser names them, separated by commas. */
export const originList = listOf((text) => {
  if (!/^(?:[a-z][a-z\d+.-]*:\/\/[^\s/?#@]+|null)$/i.test(text) || !URL.canParse(text, 'x:/')) {
    throw new Error('expected the origin of a web page, for example https://console.example');
  }
  if (text.includes('*')) throw new Error(NO_PATTERNS);
  // Without the port that goes without saying. Of other schemes an origin is taken as it is.
  const { origin } = new URL(text, 'x:/');
  return origin === 'null' ? text.toLowerCase() : origin;
});

function listOf<Item>(parse: (text: string) => Item) {
  return z
    .string()
    .transform((text, context) => {
      try {
        return text.split(',').map((item) => parse(item.trim()));
      } catch (error) {
        context.addIssue({ code: 'custom', message: (error as Error).message });
        return z.NEVER;
      }
    })
    .default([]);
}
