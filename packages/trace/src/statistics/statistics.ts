import { commandName } from '@vfio-user/core';
import type { TracedAccess, TracedMessage } from '../decode/traced-message.js';
import { otherSide, type RelaySide } from '../packet.js';
import { regionName } from '../text/names.js';
import type { TraceSink } from '../trace-sink.js';
import { Latencies, type LatencySummary } from './latencies.js';

/** Places (offsets of regions) counted one by one, at most: a guest can access any offset. */
const MAX_PLACES = 4096;
/** Commands counted one by one, at most: a peer can send any number. */
const MAX_COMMANDS = 256;

/** Requests of one command from one side. */
export interface CommandStatistics {
  readonly command: string;
  readonly from: RelaySide;
  readonly requests: number;
  readonly errors: number;
  /** Of requests and replies. */
  readonly bytes: number;
  readonly latency: LatencySummary | undefined;
}

/** Accesses to one offset of a region. */
export interface PlaceStatistics {
  readonly region: string;
  readonly offset: number;
  readonly register: string | undefined;
  readonly reads: number;
  readonly writes: number;
  readonly errors: number;
  readonly latency: LatencySummary | undefined;
  /** `false` when an access was answered with an error, or the device is known to have no register there. */
  readonly isImplemented: boolean;
}

/** Everything that was counted. */
export interface TraceSummary {
  /** Those that were sent again count once. */
  readonly messages: number;
  /** Frames that concern a connection only. */
  readonly linkFrames: number;
  /** Messages that were sent again over another connection of their session. */
  readonly sentAgain: number;
  /** Of everything. */
  readonly bytes: number;
  readonly malformed: number;
  /** The most frequent first. */
  readonly commands: readonly CommandStatistics[];
  /** The most frequent first. */
  readonly places: readonly PlaceStatistics[];
  /** Accesses to places beyond those counted one by one. */
  readonly otherAccesses: number;
}

interface CommandCount {
  readonly command: number;
  readonly from: RelaySide;
  readonly latencies: Latencies;
  requests: number;
  errors: number;
  bytes: number;
}

interface PlaceCount {
  readonly region: number;
  readonly offset: number;
  readonly latencies: Latencies;
  register: string | undefined;
  isImplemented: boolean;
  reads: number;
  writes: number;
  errors: number;
}

/** Counts messages by command and accesses by place, in a bounded amount of memory. */
export class TraceStatistics implements TraceSink {
  readonly #commands = new Map<string, CommandCount>();
  readonly #places = new Map<string, PlaceCount>();
  #messages = 0;
  #linkFrames = 0;
  #sentAgain = 0;
  #bytes = 0;
  #malformed = 0;
  #otherAccesses = 0;

  onMessage(traced: TracedMessage): void {
    this.#bytes += traced.packet.length;
    if (traced.linkFrame !== undefined) this.#linkFrames += 1;
    else if (traced.isSentAgain) this.#sentAgain += 1;
    else this.#countMessage(traced);
  }

  #countMessage({ packet, message, accesses, latencyUs, request }: TracedMessage): void {
    this.#messages += 1;
    if (message === undefined) return;
    if (message.kind === 'malformed') this.#malformed += 1;
    const isRequest =
      message.kind === 'request' || (message.kind === 'malformed' && message.isRequest);
    const asker = isRequest ? packet.sender : otherSide(packet.sender);
    const command = this.#command(message.command, asker);
    if (command === undefined) return;
    command.bytes += packet.length;
    if (isRequest) {
      command.requests += 1;
      for (const access of accesses) this.#countAccess(access);
      return;
    }
    const failed = message.kind === 'error';
    if (failed) command.errors += 1;
    if (latencyUs !== undefined) command.latencies.add(latencyUs);
    for (const access of request?.accesses ?? []) this.#countReply(access, failed, latencyUs);
  }

  summary(): TraceSummary {
    const commands = [...this.#commands.values()].map(
      ({ command, latencies, ...counts }): CommandStatistics => ({
        command: commandName(command),
        ...counts,
        latency: latencies.summary(),
      }),
    );
    const places = [...this.#places.values()].map(
      ({ region, latencies, ...counts }): PlaceStatistics => ({
        region: regionName(region),
        ...counts,
        latency: latencies.summary(),
      }),
    );
    return {
      messages: this.#messages,
      linkFrames: this.#linkFrames,
      sentAgain: this.#sentAgain,
      bytes: this.#bytes,
      malformed: this.#malformed,
      commands: commands.sort((a, b) => b.requests - a.requests),
      places: places.sort((a, b) => b.reads + b.writes - a.reads - a.writes),
      otherAccesses: this.#otherAccesses,
    };
  }

  #countAccess(access: TracedAccess): void {
    const place = this.#place(access);
    if (place === undefined) {
      this.#otherAccesses += 1;
      return;
    }
    if (access.isWrite) place.writes += 1;
    else place.reads += 1;
    // Known from the moment on that the device was recognised.
    place.register ??= access.register.name;
    if (!access.register.isImplemented) place.isImplemented = false;
  }

  #countReply(access: TracedAccess, failed: boolean, latencyUs: number | undefined): void {
    const place = this.#place(access);
    if (place === undefined) return;
    if (latencyUs !== undefined) place.latencies.add(latencyUs);
    if (!failed) return;
    place.errors += 1;
    place.isImplemented = false;
  }

  #command(command: number, from: RelaySide): CommandCount | undefined {
    const key = `${command} ${from}`;
    const known = this.#commands.get(key);
    if (known !== undefined || this.#commands.size >= MAX_COMMANDS) return known;
    const latencies = new Latencies();
    const count = { command, from, latencies, requests: 0, errors: 0, bytes: 0 };
    this.#commands.set(key, count);
    return count;
  }

  #place({ region, offset }: TracedAccess): PlaceCount | undefined {
    const key = `${region} ${offset}`;
    const known = this.#places.get(key);
    if (known !== undefined || this.#places.size >= MAX_PLACES) return known;
    const place: PlaceCount = {
      region,
      offset,
      latencies: new Latencies(),
      register: undefined,
      isImplemented: true,
      reads: 0,
      writes: 0,
      errors: 0,
    };
    this.#places.set(key, place);
    return place;
  }
}
