import { lookup } from 'node:dns/promises';
import { BlockList, isIPv6 } from 'node:net';
import { UsageError } from '../errors.js';

/** Where `--metrics` listens. */
export interface MetricsAddress {
  /** As it was given. */
  readonly text: string;
  readonly ip: string;
  readonly port: number;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * `host:port` of `--metrics`.
 * @throws {UsageError} when it is none, or is for others than this machine without `insecure`.
 */
export async function metricsAddress(text: string, insecure: boolean): Promise<MetricsAddress> {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65_535) {
    throw new UsageError(
      `--metrics ${text}: expected host:port, for example 127.0.0.1:9464 (port 0 picks a free one)`,
    );
  }
  const ip = await addressOf(host, text);
  if (!insecure && !loopback.check(ip, isIPv6(ip) ? 'ipv6' : 'ipv4')) {
    throw new UsageError(
      `--metrics ${text}: listening on ${ip} lets anybody who reaches it read the metrics, unencrypted. Listen on 127.0.0.1, or insist with --insecure`,
    );
  }
  return { text, ip, port };
}

async function addressOf(host: string, text: string): Promise<string> {
  try {
    return (await lookup(host)).address;
  } catch (cause) {
    throw new UsageError(
      `--metrics ${text}: ${host} is no address of this host. Try 127.0.0.1:9464`,
      {
        cause,
      },
    );
  }
}
