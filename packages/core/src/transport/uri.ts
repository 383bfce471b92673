import { VfioUserError } from '../errors.js';
import { formatHostPort, type HostPort, parseHostPort } from './host-port.js';

const LONG_FORM = /^vfio-user\+/;
/** Scheme, user, host with port, and the rest (RFC 3986, appendix B). */
const WITH_AUTHORITY = /^([a-z][a-z\d+.-]*):\/\/(?:([^/?#]*)@)?([^/?#]*)(.*)$/is;

/**
 * A parsed transport URI. A `URL` is one, but not every transport URI can be a `URL`, which has no
 * zones of IPv6 addresses and no ports above 65535.
 */
export type TransportUri = Readonly<
  Pick<URL, 'href' | 'protocol' | 'username' | 'password' | 'pathname' | 'search' | 'searchParams'>
> & {
  readonly hash: string;
  /** Host and port as written: {@link hostPortOf} parses them. */
  readonly host: string;
};

/** Encoding of messages, see `Encoding`. */
export type EncodingName = 'native' | 'portable';

/**
 * Parse a transport URI (`unix:///run/dev.sock`, `tcp://host:port`, `fd:3`, ...). The long form
 * `vfio-user+unix://...` means the same.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when it is no URI at all.
 */
export function parseUri(text: string): TransportUri {
  if (typeof text !== 'string') throw notUri(text);
  const plain = text.trim().replace(LONG_FORM, '');
  const [, scheme, user = '', host = '', rest = ''] = WITH_AUTHORITY.exec(plain) ?? [];
  if (scheme === undefined || (host === '' && user === '')) return parseUrl(text, plain);
  const url = parseUrl(text, `${scheme}://host${rest}`);
  const { protocol, pathname, search, searchParams, hash } = url;
  const [username = '', password = ''] = user.split(/:(.*)/s);
  const authority = plain.slice(scheme.length, plain.length - rest.length);
  const href = `${protocol.slice(0, -1)}${authority}${pathname}${search}${hash}`;
  return { href, protocol, username, password, host, pathname, search, searchParams, hash };
}

/**
 * Host and port of a URI.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` saying how to write them.
 */
export function hostPortOf(uri: TransportUri): HostPort {
  try {
    return parseHostPort(uri.host);
  } catch (cause) {
    const text = `${uri.href}: ${(cause as Error).message}`;
    throw new VfioUserError('VFU_CONFIG_INVALID', text, { cause });
  }
}

/**
 * The encoding that `?encoding=` asks for, where native is the default.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` naming the known ones.
 */
export function encodingOf({ href, searchParams }: TransportUri): EncodingName {
  const name = searchParams.get('encoding') ?? 'native';
  if (name === 'native' || name === 'portable') return name;
  const text = `${href}: unknown encoding ${name}, known are native and portable`;
  throw new VfioUserError('VFU_CONFIG_INVALID', text);
}

/** A query key that is given more than once, which is ambiguous. */
export function repeatedKey(query: URLSearchParams): string | undefined {
  return [...query.keys()].find((key, at, keys) => keys.indexOf(key) !== at);
}

/** `uri` with another port, for a listener on port 0. */
export function withPort(uri: TransportUri, port: number): string {
  const { protocol, pathname, search, hash } = uri;
  const authority = formatHostPort(hostPortOf(uri).host, port);
  return `${protocol}//${authority}${pathname}${search}${hash}`;
}

function parseUrl(text: string, plain: string): URL {
  try {
    return new URL(plain);
  } catch (cause) {
    throw notUri(text, text.startsWith('/') ? ` Did you mean unix://${text} ?` : '', cause);
  }
}

function notUri(text: unknown, hint = '', cause?: unknown): VfioUserError {
  return new VfioUserError(
    'VFU_CONFIG_INVALID',
    `not a transport URI: ${JSON.stringify(text)}. Expected for example unix:///run/dev.sock.${hint}`,
    { cause },
  );
}
