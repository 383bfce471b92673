import { VfioUserError } from '../errors.js';

/** A host and a port, as the authority of a URI and the Host header of HTTP have them. */
export interface HostPort {
  /** A name or an address, without brackets and percent-encoding: `fe80::1%eth0` has a zone. */
  readonly host: string;
  /** `undefined` if absent. The range is checked by the scheme. */
  readonly port: number | undefined;
}

/**
 * Parse `host:port` (RFC 3986, section 3.2). The zone of an IPv6 address may be written as in RFC
 * 6874, `[fe80::1%25eth0]`, or commonly, `[fe80::1%eth0]`.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` saying how to write it.
 */
export function parseHostPort(text: string): HostPort {
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/.exec(text);
  if (parts === null) throw invalid(text, expected(text));
  const [, literal, name = '', digits = ''] = parts;
  const host = literal === undefined ? parseName(text, name) : parseLiteral(text, literal);
  return { host, port: digits === '' ? undefined : Number(digits) };
}

/** The inverse of {@link parseHostPort}, with the zone as in RFC 6874. */
export function formatHostPort(host: string, port?: number): string {
  const [ip, zone] = splitZone(host);
  const literal = zone === undefined ? ip : `${ip}%25${encodeURIComponent(zone)}`;
  const written = isIPv6(ip) ? `[${literal}]` : encodeURI(host);
  return port === undefined ? written : `${written}:${port}`;
}

/** An address without its zone, which is meaningless to other machines. */
export function withoutZone(host: string): string {
  return splitZone(host)[0];
}

/** An address and its zone, if it has one. */
export function splitZone(host: string): readonly [ip: string, zone: string | undefined] {
  const at = host.indexOf('%');
  return at === -1 ? [host, undefined] : [host.slice(0, at), host.slice(at + 1)];
}

/** Whether it is an IP address, with or without a zone, that only this machine can reach. */
export function isLoopback(host: string): boolean {
  const ip = withoutZone(host);
  // A URL has the shortest form of an address; the second one is an IPv4 address in IPv6.
  if (isIPv6(ip)) return /^\[::(1|ffff:7f\w\w:\w+)\]$/.test(new URL(`http://[${ip}]`).hostname);
  return /^127(\.(0|[1-9]\d{0,2})){3}$/.test(ip) && URL.canParse(`http://${ip}`);
}

/** Whether it is an IPv6 address without a zone. */
function isIPv6(text: string): boolean {
  return /^[\da-f:.]+$/i.test(text) && URL.canParse(`http://[${text}]`);
}

function parseName(text: string, encoded: string): string {
  // Also what an internationalised name consists of.
  if (!/^(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2}|[^\0-\x7f])*$/i.test(encoded)) {
    throw invalid(text, 'a host name does not have such characters');
  }
  const name = decode(text, encoded);
  if (/[\0-\x20\x7f%/:?#@[\]\\]/.test(name)) {
    throw invalid(text, 'a host name does not have such characters');
  }
  return name;
}

function parseLiteral(text: string, literal: string): string {
  const [ip, rest] = splitZone(literal);
  if (!isIPv6(ip)) throw invalid(text, `${ip} is no IPv6 address`);
  if (rest === undefined) return ip;
  // Two digits alone are an interface number.
  const zone = /^25./.test(rest) ? decode(text, rest.slice(2)) : rest;
  if (!/^[^\s/:%[\]]{1,15}$/.test(zone)) {
    throw invalid(text, 'a zone is the name of a network interface, for example [fe80::1%25eth0]');
  }
  return `${ip}%${zone}`;
}

function decode(text: string, encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw invalid(text, 'a % is not followed by the two digits of a byte');
  }
}

function expected(text: string): string {
  const [, address] = /^([\da-f:.]*:[\da-f:.]*):\d*$/i.exec(text) ?? [];
  if (isIPv6(text)) return `an IPv6 address stands in brackets: [${text}]`;
  if (address !== undefined && isIPv6(address)) {
    return `an IPv6 address stands in brackets: [${address}]${text.slice(address.length)}`;
  }
  return 'expected host:port, and the port is a number';
}

function invalid(text: string, what: string): VfioUserError {
  return new VfioUserError('VFU_CONFIG_INVALID', `${JSON.stringify(text)}: ${what}`);
}
