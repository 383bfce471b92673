import { X509Certificate } from 'node:crypto';
import { BlockList, isIP, isIPv6 } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { type HostPort, parseHostPort, withoutZone } from '@vfio-user/core/transport';

/** What an HTTP server goes by. */
export interface OwnHostsOptions {
  /** What it was told to listen on, a name or an address. */
  readonly listen: string;
  /** Names by which it is reached besides; one without a port holds for all of them. */
  readonly allowed: readonly HostPort[];
  /** Its certificate as it is now, PEM. */
  certificate?(): string | Buffer | undefined;
}

/**
 * The names and addresses that the Host header of a request may have. A web page can reach a server
 * that only this machine or network reaches, if the name that the page came from suddenly stands
 * for the server's address (DNS rebinding). The browser then takes the server for the page's own;
 * that name in the Host header tells them apart.
 */
export class OwnHosts {
  readonly #options: OwnHostsOptions;

  constructor(options: OwnHostsOptions) {
    this.#options = options;
  }

  /** Whether a request with this Host header is for this server. */
  includes(header: string | undefined): boolean {
    const asked = header === undefined ? undefined : parse(header);
    if (asked === undefined) return false;
    const { listen, allowed } = this.#options;
    const isAllowed = allowed.some(
      ({ host, port }) => nameOf(host) === asked.host && (port ?? asked.port) === asked.port,
    );
    return isAllowed || nameOf(listen) === asked.host || this.#isOwn(asked.host);
  }

  #isOwn(host: string): boolean {
    const certificate = this.#options.certificate?.();
    if (isIP(host) !== 0) {
      return isOwnAddress(host) || (certificate !== undefined && certifiesIp(certificate, host));
    }
    return (
      host === 'localhost' ||
      host === nameOf(hostname()) ||
      (certificate !== undefined && certifiesName(certificate, host))
    );
  }
}

function parse(header: string): HostPort | undefined {
  try {
    const { host, port } = parseHostPort(header);
    return host === '' ? undefined : { host: nameOf(host), port };
  } catch {
    return undefined;
  }
}

/** In the one spelling that is compared. */
function nameOf(host: string): string {
  const name = withoutZone(host).toLowerCase().replace(/\.$/, '');
  return isIPv6(name) ? new URL(`http://[${name}]`).hostname.slice(1, -1) : name;
}

/** Looked up each time, as a machine gets and loses addresses. */
function isOwnAddress(ip: string): boolean {
  const own = new BlockList();
  own.addSubnet('127.0.0.0', 8, 'ipv4');
  own.addAddress('::1', 'ipv6');
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family } of addresses ?? []) {
      own.addAddress(address, family === 'IPv6' ? 'ipv6' : 'ipv4');
    }
  }
  return own.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4');
}

function certifiesName(certificate: string | Buffer, name: string): boolean {
  return new X509Certificate(certificate).checkHost(name) !== undefined;
}

function certifiesIp(certificate: string | Buffer, ip: string): boolean {
  return new X509Certificate(certificate).checkIP(ip) !== undefined;
}
