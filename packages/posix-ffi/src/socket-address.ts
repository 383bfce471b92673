import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { AF_INET, AF_INET6, AF_UNIX, AF_VSOCK } from './constants.js';
import { libc } from './libc.js';

/** Bytes of a path in `struct sockaddr_un`, without the terminating NUL. */
export const UNIX_PATH_BYTES = 107;

/**
 * A `struct sockaddr_un`. A leading `@` means the abstract namespace, as it does in `ss` and
 * `/proc/net/unix`.
 * @throws {RangeError} when the name does not fit or contains a NUL.
 */
export function unixSocketAddress(path: string): Uint8Array {
  const abstract = path.startsWith('@');
  const name = Buffer.from(abstract ? path.slice(1) : path);
  if (name.length === 0 || name.includes(0)) {
    throw new RangeError(`not a socket path: ${JSON.stringify(path)}`);
  }
  if (name.length > UNIX_PATH_BYTES) {
    throw new RangeError(
      `a socket path has at most ${UNIX_PATH_BYTES} bytes, this one has ${name.length}: ${path}`,
    );
  }
  // Both forms have one NUL more than the name: a path ends with it, an abstract name starts with it.
  const address = new Uint8Array(2 + name.length + 1);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, abstract ? 3 : 2);
  return address;
}

/** An IP address and a port. */
export interface InternetAddress {
  /** Without brackets; the zone of an IPv6 address is a network interface, `%eth0` or its number. */
  readonly host: string;
  readonly port: number;
}

// struct sockaddr_in: family 0, port 2, address 4. sockaddr_in6: family 0, port 2, flow label 4,
// address 8, scope 24. Port and address are big-endian.
const IPV4_BYTES = 16;
const IPV4_ADDRESS = 4;
const IPV6_BYTES = 28;
const IPV6_ADDRESS = 8;
const IPV6_SCOPE = 24;

/**
 * A `struct sockaddr_in` or `sockaddr_in6`.
 * @throws {RangeError} when `host` is no IP address, or its zone no network interface of this machine.
 */
export function internetSocketAddress({ host, port }: InternetAddress): Uint8Array {
  const [ip, zone] = host.split('%') as [string, string | undefined];
  const version = isIP(ip);
  if (version === 0) throw new RangeError(`not an IP address: ${JSON.stringify(host)}`);
  const address = new Uint8Array(version === 4 ? IPV4_BYTES : IPV6_BYTES);
  const view = new DataView(address.buffer);
  view.setUint16(0, version === 4 ? AF_INET : AF_INET6, true);
  view.setUint16(2, port);
  address.set(ipaddr.parse(ip).toByteArray(), version === 4 ? IPV4_ADDRESS : IPV6_ADDRESS);
  if (version === 6 && zone !== undefined) {
    view.setUint32(IPV6_SCOPE, interfaceIndex(zone), true);
  }
  return address;
}

function interfaceIndex(zone: string): number {
  const index = libc().ifNameToIndex(zone);
  if (index !== 0) return index;
  if (/^\d{1,9}$/.test(zone)) return Number(zone);
  throw new RangeError(`this machine has no network interface ${zone}`);
}

/** What a `struct sockaddr_in` or `sockaddr_in6` says, `undefined` for any other kind. */
export function parseInternetAddress(address: Uint8Array): InternetAddress | undefined {
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  const port = view.getUint16(2);
  switch (view.getUint16(0, true)) {
    case AF_INET:
      return { host: ipText(address.subarray(IPV4_ADDRESS, IPV4_ADDRESS + 4)), port };
    case AF_INET6: {
      const ip = ipText(address.subarray(IPV6_ADDRESS, IPV6_ADDRESS + 16));
      const scope = view.getUint32(IPV6_SCOPE, true);
      return { host: scope === 0 ? ip : `${ip}%${scope}`, port };
    }
    default:
      return undefined;
  }
}

function ipText(bytes: Uint8Array): string {
  return ipaddr.fromByteArray([...bytes]).toString();
}

/** An address between a machine and its virtual machines. */
export interface VsockAddress {
  /** Which machine: 2 is the host. */
  readonly cid: number;
  readonly port: number;
}

// struct sockaddr_vm: family 0, port 4, cid 8, in the byte order of the machine.
const VSOCK_BYTES = 16;
const VSOCK_PORT = 4;
const VSOCK_CID = 8;

/** A `struct sockaddr_vm`. */
export function vsockSocketAddress({ cid, port }: VsockAddress): Uint8Array {
  const address = new Uint8Array(VSOCK_BYTES);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_VSOCK, true);
  view.setUint32(VSOCK_PORT, port, true);
  view.setUint32(VSOCK_CID, cid, true);
  return address;
}

/** What a `struct sockaddr_vm` says. */
export function parseVsockAddress(address: Uint8Array): VsockAddress {
  const view = new DataView(address.buffer, address.byteOffset, address.length);
  return { port: view.getUint32(VSOCK_PORT, true), cid: view.getUint32(VSOCK_CID, true) };
}
