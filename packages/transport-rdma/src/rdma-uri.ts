import { type Transport, type TransportUri, VfioUserError } from '@vfio-user/core';
import { checkOptions } from '@vfio-user/core/internal';
import { hostPortOf, parseUri, withPort } from '@vfio-user/core/transport';
import * as z from 'zod';

const querySchema = z.object({
  device: z.string().min(1).optional(),
  'gid-index': z
    .string()
    .regex(/^\d{1,3}$/, 'expected a number, ibv_devinfo -v lists them')
    .transform(Number)
    .optional(),
  fallback: z.enum(['tcp', 'never']).default('tcp'),
});

const OWN_KEYS = Object.keys(querySchema.shape);
/** Those that make the bootstrap connection a secure one. */
const TLS_KEYS = ['ca', 'cert', 'key', 'servername'];

/** Query keys of `rdma:`: its own, and those of the connection that sets it up. */
export const QUERY_KEYS = [...OWN_KEYS, ...TLS_KEYS, 'timeout'];

/** What an `rdma:` URI asks for. */
export interface RdmaTarget {
  readonly href: string;
  /** A name or an address, without brackets; `fe80::1%eth0` has a zone. */
  readonly host: string;
  /** Which adapter to use; any when absent. */
  readonly device: string | undefined;
  /** Which of its addresses; a fitting one when absent. */
  readonly gidIndex: number | undefined;
  /** Whether messages over the bootstrap connection will do where RDMA does not work. */
  readonly fallsBack: boolean;
  /** Where the bootstrap connection goes. */
  readonly bootstrap: TransportUri;
}

/**
 * Understand `rdma://host:port?device=&gid-index=&fallback=&ca=&cert=&key=&timeout=`.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` saying how to write it.
 */
export function parseTarget(uri: TransportUri, transport: Transport): RdmaTarget {
  const { options, faults } = checkOptions(querySchema, Object.fromEntries(uri.searchParams));
  if (faults !== undefined) throw invalid(uri, faults.join('; '));
  const secure = TLS_KEYS.some((key) => uri.searchParams.has(key));
  const scheme = secure ? 'tls' : 'tcp';
  if (!transport.schemes.includes(scheme)) {
    throw invalid(uri, `there is no transport for ${scheme}: to set up the connection`);
  }
  const rest = new URLSearchParams(uri.searchParams);
  for (const key of OWN_KEYS) rest.delete(key);
  const asked = rest.size === 0 ? '' : `?${rest}`;
  const bootstrap = parseUri(uri.href.replace(/^rdma:([^?#]*)(\?[^#]*)?/, `${scheme}:$1${asked}`));
  const { device, 'gid-index': gidIndex, fallback } = options;
  const { href } = uri;
  const { host } = hostPortOf(uri);
  return { href, host, device, gidIndex, fallsBack: fallback === 'tcp', bootstrap };
}

/** The `rdma:` URI of a listener whose bootstrap really listens on `bound`. */
export function boundUri(asked: TransportUri, bound: string): string {
  return withPort(asked, hostPortOf(parseUri(bound)).port ?? 0);
}

function invalid(uri: TransportUri, what: string): VfioUserError {
  return new VfioUserError('VFU_CONFIG_INVALID', `${uri.href}: ${what}`);
}
