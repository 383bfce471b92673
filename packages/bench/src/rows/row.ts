import { connectDevice, type DeviceClient, TransportRegistry } from '@vfio-user/core';
import { Guest } from '@vfio-user/drivers';
import { Authority, type Certificate, certificateQuery } from '@vfio-user/support';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';
import type { Contender } from '../engine/contender.js';
import type { CPrograms } from '../floors/c-programs.js';
import type { Launcher } from './launcher.js';

/**
 * What of the subject is divided by that of the floor. `time`: the median time of an operation;
 * `speed`: its inverse; `rate`: operations per second, which counts every interruption as well.
 */
export type ComparedQuantity = 'time' | 'speed' | 'rate';

/** What a subject is held against. */
export interface Comparison {
  readonly subject: Contender;
  readonly floor: Contender;
  readonly quantity: ComparedQuantity;
  /** At most this for a time, at least this for the others; absent: for information. */
  readonly target?: number;
}

/** Contenders measured together: all of them in every round, one after the other. */
export interface Row {
  readonly name: string;
  /** What an operation is and what was set up, in a sentence. */
  readonly what: string;
  readonly contenders: readonly Contender[];
  readonly comparisons: readonly Comparison[];
  /** What was seen besides, such as the size of a server. */
  readonly notes?: readonly string[];
}

/** What rows need. */
export interface RowContext {
  readonly programs: CPrograms;
  /** Takes all that the row opens. */
  readonly cleanup: Cleanup;
  /** For sockets; its name is short enough for one. */
  readonly folder: string;
  readonly launcher: Launcher;
  /** Socket of another vfio-user server to measure `unix-region-read` against as well. */
  readonly otherServer?: string | undefined;
}

/** Sets up a row. */
export type RowFactory = (context: RowContext) => Promise<Row>;

/** Closes what was opened, the latest first. */
export class Cleanup {
  readonly #ends: (() => Promise<unknown>)[] = [];

  /** Something to close, or a program to stop. @returns what is passed. */
  add<T extends { close(): Promise<unknown> } | { stop(): Promise<unknown> }>(opened: T): T {
    this.#ends.push(() => ('stop' in opened ? opened.stop() : opened.close()));
    return opened;
  }

  async run(): Promise<void> {
    for (const end of this.#ends.reverse()) await end();
  }
}

/** Connect to a device by whichever of our transports the URI asks for. */
export function connect(uri: string): Promise<DeviceClient> {
  return connectDevice(uri, {
    registry: new TransportRegistry([unixTransport(), tcpTransport()]),
  });
}

/** Connect, and map memory for the device. */
export async function plugIn(uri: string, length: number): Promise<Guest> {
  return Guest.plugIn(await connect(uri), length);
}

/** One for 127.0.0.1 that signed itself, for both ends. */
export function ownCertificate(folder: string): Certificate {
  try {
    return new Authority(folder, 'bench', { names: 'IP:127.0.0.1' });
  } catch (error) {
    throw new Error('cannot make a certificate: install openssl', { cause: error });
  }
}

/** A URI to listen on, of a scheme with TLS, for clients that show the same certificate. */
export function secureUri(scheme: string, certificate: Certificate): string {
  return `${scheme}://127.0.0.1:0${certificateQuery(certificate)}`;
}
