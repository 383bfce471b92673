import { type TransportUri, VfioUserError } from '@vfio-user/core';
import { UNIX_PATH_BYTES } from '@vfio-user/posix-ffi';

/** Where a URI points. */
export type UnixAddress =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'abstract'; readonly path: string }
  | { readonly kind: 'descriptor'; readonly number: number };

/**
 * Understand `unix:///absolute/path`, `unix:@abstract-name` and `fd:3`.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` saying how to write it.
 */
export function parseUnixUri(uri: TransportUri): UnixAddress {
  return uri.protocol === 'fd:' ? parseDescriptor(uri) : parsePath(uri);
}

function parseDescriptor(uri: TransportUri): UnixAddress {
  const number = Number(uri.pathname);
  if (!/^\d+$/.test(uri.pathname) || number > 0x7fff_ffff) {
    throw invalid(uri, 'expected the number of an open descriptor, for example fd:3');
  }
  return { kind: 'descriptor', number };
}

function parsePath(uri: TransportUri): UnixAddress {
  if (uri.host !== '' || uri.username !== '' || uri.href.startsWith('unix://@')) {
    const rest = decode(uri, uri.pathname);
    throw invalid(
      uri,
      `a socket path is absolute, with three slashes: unix:///${uri.host}${rest} ? An abstract name has no slashes before it: unix:@name`,
    );
  }
  if (uri.hash !== '' || [...uri.searchParams.keys()].some((key) => key !== 'encoding')) {
    throw invalid(uri, 'write # as %23 and ? as %3F in a socket path');
  }
  const path = decode(uri, uri.pathname);
  const kind = path.startsWith('@') ? 'abstract' : 'path';
  if (kind === 'path' && !path.startsWith('/')) {
    throw invalid(uri, 'expected unix:///absolute/path or unix:@abstract-name');
  }
  if (path.length < 2 || path.includes('\0')) throw invalid(uri, 'the socket has no usable name');
  const bytes = Buffer.byteLength(path) - (kind === 'abstract' ? 1 : 0);
  if (bytes > UNIX_PATH_BYTES) {
    throw invalid(
      uri,
      `a socket path has at most ${UNIX_PATH_BYTES} bytes, this one has ${bytes}: use a shorter folder`,
    );
  }
  return { kind, path };
}

function decode(uri: TransportUri, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalid(uri, 'a % is not followed by the two digits of a byte: write % itself as %25');
  }
}

function invalid(uri: TransportUri, what: string): VfioUserError {
  return new VfioUserError('VFU_CONFIG_INVALID', `${uri.href}: ${what}`);
}
