import { createHash, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/** The version of RFC 6455. */
export const WEB_SOCKET_VERSION = '13';

/** What the key of a request is joined with (RFC 6455, section 1.3). */
const ACCEPT_SUFFIX = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
/** 16 bytes in base64. */
const KEY = /^[A-Za-z0-9+/]{22}==$/;

/** A key for a request. */
export function newKey(): string {
  return randomBytes(16).toString('base64');
}

/** Headers of a request with a key. */
export function requestHeaders(key: string): Readonly<Record<string, string>> {
  return {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': WEB_SOCKET_VERSION,
    'Sec-WebSocket-Key': key,
  };
}

/** What is wrong with a request for an upgrade, if something is. */
export function faultOfRequest(request: IncomingMessage): string | undefined {
  const { method, httpVersion, headers } = request;
  if (method !== 'GET') return `its method is ${method}`;
  if (httpVersion !== '1.1') return `it speaks HTTP/${httpVersion}`;
  if (!isWebSocket(headers)) return `it asked for an upgrade to ${headers.upgrade}`;
  if (headers['sec-websocket-version'] !== WEB_SOCKET_VERSION) {
    return `it speaks version ${headers['sec-websocket-version']} of the protocol, not ${WEB_SOCKET_VERSION}`;
  }
  if (!KEY.test(headers['sec-websocket-key'] ?? '')) return 'it has no key';
  return undefined;
}

/** The answer that accepts a request without a fault. */
export function acceptance({ headers }: IncomingMessage): Uint8Array {
  const key = headers['sec-websocket-key'] as string;
  const lines = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${acceptOf(key)}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

/** What is wrong with the answer to a request with `key`, if something is. */
export function faultOfAnswer({ headers }: IncomingMessage, key: string): string | undefined {
  if (!isWebSocket(headers)) return `it answered with an upgrade to ${headers.upgrade}`;
  if (headers['sec-websocket-accept'] !== acceptOf(key)) return 'it answered another request';
  for (const name of ['sec-websocket-extensions', 'sec-websocket-protocol']) {
    if (headers[name] !== undefined) return `it answered with ${name}, which was not asked for`;
  }
  return undefined;
}

function isWebSocket({ upgrade }: IncomingHttpHeaders): boolean {
  return upgrade?.toLowerCase() === 'websocket';
}

function acceptOf(key: string): string {
  return createHash('sha1').update(`${key}${ACCEPT_SUFFIX}`).digest('base64');
}
