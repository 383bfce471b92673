import { lookup } from 'node:dns/promises';
import { checkOptions } from '@vfio-user/core/internal';
import { type HostPort, isLoopback, parseHostPort, repeatedKey } from '@vfio-user/core/transport';
import { hostList } from '@vfio-user/transport-tcp/http';
import * as z from 'zod';
import { UsageError } from '../errors.js';

/** Where `--metrics` listens. */
export interface MetricsAddress {
  /** As given on the command line. */
  readonly text: string;
  /** Host name or address. */
  readonly host: string;
  readonly ip: string;
  readonly port: number;
  /** Further values allowed in the Host header. */
  readonly hosts: readonly HostPort[];
}

const querySchema = z.strictObject({ host: hostList });

/**
 * `host:port` of `--metrics`, and what may follow it: `?host=name,name`.
 * @throws {UsageError} when it is none, or is for others than this machine without `insecure`.
 */
export async function metricsAddress(text: string, insecure: boolean): Promise<MetricsAddress> {
  const [, address = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(text) ?? [];
  const { host, port } = hostPortOf(text, address);
  const given = new URLSearchParams(query);
  const repeated = repeatedKey(given);
  if (repeated !== undefined)
    throw new UsageError(`--metrics ${text}: ${repeated}= is given twice`);
  const { options, faults } = checkOptions(querySchema, Object.fromEntries(given));
  if (faults !== undefined) throw new UsageError(`--metrics ${text}: ${faults.join('; ')}`);
  const ip = await addressOf(host, text);
  if (!insecure && !isLoopback(ip)) {
    throw new UsageError(
      `--metrics ${text}: listening on ${ip} lets anybody who reaches it read the metrics, unencrypted. Listen on 127.0.0.1, or insist with --insecure`,
    );
  }
  return { text, host, ip, port, hosts: options.host };
}

function hostPortOf(text: string, address: string): { host: string; port: number } {
  let reason = '';
  try {
    const { host, port = 65_536 } = parseHostPort(address);
    if (host !== '' && port <= 65_535) return { host, port };
  } catch (error) {
    reason = ` (${(error as Error).message})`;
  }
  throw new UsageError(
    `--metrics ${text}: expected host:port, for example 127.0.0.1:9464 (port 0 picks a free one)${reason}`,
  );
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
