import type { IncomingMessage } from 'node:http';
import type { OwnHosts } from './own-hosts.js';

/**
 * Why a request must be refused, `undefined` if it may be served. A browser connects to whatever a
 * page names, also on loopback; it says which page that was (Origin) and which server it took this
 * for (Host).
 */
export function requestFault(
  { headers, headersDistinct }: IncomingMessage,
  own: OwnHosts,
  origins: readonly string[],
): string | undefined {
  // Duplicates are invalid (RFC 9112, section 3.2).
  const host = headersDistinct.host?.join(', ');
  if (!own.includes(host)) {
    return `it asked for the host ${JSON.stringify(host ?? '')}, which is none of this server: host= in the URI adds one`;
  }
  // Browsers of long ago used the other name, and their version of the protocol is still spoken.
  for (const origin of [headers.origin, headers['sec-websocket-origin']]) {
    if (origin === undefined || origins.includes(String(origin).toLowerCase())) continue;
    return `it was sent by a web page of ${JSON.stringify(origin)}: origin= in the URI lets a page in`;
  }
  return undefined;
}
