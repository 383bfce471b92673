import { type TransportUri, VfioUserError } from '@vfio-user/core';
import { checkOptions, parseDuration } from '@vfio-user/core/internal';
import { type HostPort, hostPortOf } from '@vfio-user/core/transport';
import * as z from 'zod';
import { hostList, originList } from '../http/allow-lists.js';

/** Neither a number of a machine nor a port: both have another meaning with all bits set. */
const VSOCK_ANY = 0xffff_ffff;
const defaultPorts: Readonly<Record<string, number>> = { ws: 80, wss: 443 };

/** `10s`, `500ms`, `2m`. */
const duration = z.string().transform((text, context) => {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined) return milliseconds;
  context.addIssue({
    code: 'custom',
    message: /^0+[a-z]/.test(text)
      ? 'must not be zero'
      : 'expected a time such as 500ms, 10s or 2m',
  });
  return z.NEVER;
});

const file = z.string().min(1, 'expected the name of a file');

const commonQuery = z.strictObject({
  encoding: z.enum(['portable', 'native']).default('portable'),
  timeout: duration.optional(),
});

const tlsKeys = {
  ca: file.optional(),
  cert: file.optional(),
  key: file.optional(),
  servername: z.string().min(1).optional(),
};

const httpKeys = { origin: originList, host: hostList };

const queries = {
  tcp: commonQuery,
  tls: commonQuery.extend(tlsKeys),
  ws: commonQuery.extend(httpKeys),
  wss: commonQuery.extend({ ...tlsKeys, ...httpKeys }),
  vsock: commonQuery,
};

/** Query keys of any of the schemes. */
export const QUERY_KEYS = Object.keys(queries.wss.shape);

/** How a network is used. */
export type NetworkScheme = 'tcp' | 'tls' | 'ws' | 'wss';

/** Names of files with certificates and keys, and whom to expect. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly servername?: string | undefined;
}

/** Whom a WebSocket server lets in besides programs that know one of its own names. */
export interface HttpAllowances {
  /** Origins of web pages. */
  readonly origins: readonly string[];
  /** Further names of the server. */
  readonly hosts: readonly HostPort[];
}

interface Common {
  readonly href: string;
  readonly port: number;
  readonly encoding: 'portable' | 'native';
  /** After how long a silent peer is given up, if the URI says so. */
  readonly peerTimeoutMs: number | undefined;
}

/** Where a URI points on an IP network. */
export interface NetworkEndpoint extends Common {
  readonly scheme: NetworkScheme;
  /** A name or an address, without brackets; `fe80::1%eth0` has a zone. */
  readonly host: string;
  /** Of ws: and wss:, otherwise empty. */
  readonly path: string;
  readonly tls: TlsFiles;
  readonly http: HttpAllowances;
}

/** Where a URI points between a machine and its virtual machines. */
export interface VsockEndpoint extends Common {
  readonly scheme: 'vsock';
  /** `undefined`: any, to listen. */
  readonly cid: number | undefined;
}

export type Endpoint = NetworkEndpoint | VsockEndpoint;

/**
 * Understand `tcp://host:port`, `tls://`, `ws://host:port/path`, `wss://` and `vsock://cid:port`.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` saying how to write it.
 */
export function parseEndpoint(uri: TransportUri): Endpoint {
  const { href } = uri;
  const scheme = uri.protocol.slice(0, -1) as Endpoint['scheme'];
  const { encoding, timeout, origin = [], host: hosts = [], ...tls } = parseQuery(uri, scheme);
  if (uri.username !== '' || uri.password !== '') {
    throw invalid(uri, 'a URI must not contain names or secrets: logs and command lines show it');
  }
  if (uri.hash !== '') throw invalid(uri, 'a # has no meaning here');
  const hasPath = scheme === 'ws' || scheme === 'wss';
  if (!hasPath && uri.pathname !== '' && uri.pathname !== '/') {
    throw invalid(uri, `${scheme}: has no path, write ${uri.protocol}//${uri.host}`);
  }
  const { host, port = defaultPorts[scheme] } = hostPortOf(uri);
  if (host === '' || port === undefined) {
    const who = scheme === 'vsock' ? 'cid' : 'host';
    throw invalid(uri, `expected ${uri.protocol}//${who}:port`);
  }
  const lastPort = scheme === 'vsock' ? VSOCK_ANY - 1 : 65_535;
  if (port > lastPort) throw invalid(uri, `the last port of ${scheme}: is ${lastPort}`);
  const common = { href, port, encoding, peerTimeoutMs: timeout };
  if (scheme === 'vsock') return { ...common, scheme, cid: parseCid(uri, host) };
  const http = { origins: origin, hosts };
  return { ...common, scheme, host, path: hasPath ? uri.pathname : '', tls, http };
}

function parseQuery(uri: TransportUri, scheme: Endpoint['scheme']) {
  const schema: z.ZodType<z.output<typeof commonQuery>> = queries[scheme];
  const { options, faults } = checkOptions(schema, Object.fromEntries(uri.searchParams));
  if (faults !== undefined) throw invalid(uri, faults.join('; '));
  return options as z.output<typeof commonQuery> & Partial<z.output<typeof queries.wss>>;
}

function parseCid(uri: TransportUri, host: string): number | undefined {
  if (host === 'any') return undefined;
  const cid = Number(host);
  if (!/^\d+$/.test(host) || cid >= VSOCK_ANY) {
    throw invalid(uri, 'expected the number of a machine (2 is the host) or any: vsock://2:5000');
  }
  return cid;
}

function invalid(uri: TransportUri, what: string): VfioUserError {
  return new VfioUserError('VFU_CONFIG_INVALID', `${uri.href}: ${what}`);
}
