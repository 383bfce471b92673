/** How other protocols begin, and what to do about them. */
const others: readonly (readonly [looksLike: (bytes: Uint8Array) => boolean, text: string])[] = [
  [
    (bytes) => /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|CONNECT|PATCH|PRI) |^HTTP\//.test(latin1(bytes)),
    'this looks like HTTP: a browser or a health check has the wrong port, or a ws:// URI is needed',
  ],
  [
    (bytes) => bytes[0] === 0x16 && bytes[1] === 0x03,
    'this looks like a TLS ClientHello on a plain port: the peer connects with tls://, or this side should listen with it',
  ],
  [
    (bytes) => bytes[0] === 0x15 && bytes[1] === 0x03,
    'this looks like a TLS alert: the peer expects TLS, use tls:// here too',
  ],
  [
    isClassicVersion,
    'this looks like classic vfio-user: add ?encoding=native to the URI, or let the peer use the portable encoding',
  ],
  [(bytes) => latin1(bytes).startsWith('SSH-'), 'this looks like an SSH server: the port is wrong'],
];

/** Describes what a peer sent instead of a preface, by its first bytes. */
export function describeMismatch(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
  const other = others.find(([looksLike]) => looksLike(bytes));
  return `the peer does not speak the portable encoding: ${other?.[1] ?? 'its protocol is unknown'} (it sent ${hex})`;
}

/** A classic header of VERSION: command 1 at 2, a size of a few bytes to some thousand at 4. */
function isClassicVersion(bytes: Uint8Array): boolean {
  if (bytes.length < 8) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = view.getUint32(4, true);
  return view.getUint16(2, true) === 1 && size >= 16 && size < 0x1_0000;
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
