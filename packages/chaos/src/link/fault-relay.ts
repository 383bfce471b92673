import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Direction } from '../plan/faults.js';
import { RelayedLink } from './relayed-link.js';
import type { Sought, Units } from './units.js';

const HOST = '127.0.0.1';
const DIRECTIONS: readonly Direction[] = ['toServer', 'toClient'];

/** What the connections of a relay carry. */
export interface RelayedStream {
  /** Finds places to cut in one direction of a connection. */
  newUnits(): Units;
  /** How often the server answers before the client sends its preface. */
  readonly answersBeforePreface: number;
}

interface Cut extends Sought {
  readonly directions: readonly Direction[];
  readonly onFound: (link: RelayedLink, unit: string | undefined) => void;
}

/** Relays the connections of one session, and lets them fail. */
export class FaultRelay {
  readonly #server: Server;
  readonly #stream: RelayedStream;
  readonly #links = new Set<RelayedLink>();
  #target: number | undefined;
  #isRefusing = false;
  #delayMs = 0;
  #cut: Cut | undefined;
  #onLink: ((link: RelayedLink) => void) | undefined;

  private constructor(stream: RelayedStream) {
    this.#stream = stream;
    this.#server = createServer({ noDelay: true, allowHalfOpen: true }, (client) => {
      if (this.#isRefusing || this.#target === undefined) {
        client.resetAndDestroy();
        return;
      }
      const server = connect({ host: HOST, port: this.#target, allowHalfOpen: true });
      this.#add(client, server);
    });
  }

  static async listen(stream: RelayedStream): Promise<FaultRelay> {
    const relay = new FaultRelay(stream);
    relay.#server.listen(0, HOST);
    await once(relay.#server, 'listening');
    return relay;
  }

  get answersBeforePreface(): number {
    return this.#stream.answersBeforePreface;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port; // it listens on TCP
  }

  /** The port that connections are relayed to from now on. */
  relayTo(port: number): void {
    this.#target = port;
  }

  /** Reset connections that are made, from now on or no more. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
  }

  /** Pass everything on so much later; 0: at once. */
  delay(ms: number): void {
    this.#delayMs = ms;
    for (const link of this.#links) this.#applyDelay(link);
  }

  /** The newest connection that works; waits for one. */
  async link(): Promise<RelayedLink> {
    for (;;) {
      const whole = [...this.#links].filter(({ isWhole }) => isWhole).at(-1);
      if (whole !== undefined) return whole;
      await this.nextLink();
    }
  }

  /** The next connection that is made. */
  nextLink(): Promise<RelayedLink> {
    return new Promise((resolve) => {
      const before = this.#onLink;
      this.#onLink = (link) => {
        before?.(link);
        resolve(link);
      };
    });
  }

  /** Look for a place to cut in all connections. The caller ends the one where it is found. */
  seek(directions: readonly Direction[], sought: Sought, onFound: Cut['onFound']): void {
    this.#cut = { ...sought, directions, onFound };
    for (const link of this.#links) this.#applyCut(link);
  }

  /** Forget connections that only one end, or none, knows of. */
  tidy(): void {
    for (const link of this.#links) if (!link.isWhole) link.destroy();
  }

  async close(): Promise<void> {
    this.#server.close();
    for (const link of this.#links) link.destroy();
    await once(this.#server, 'close');
  }

  #add(client: Socket, server: Socket): void {
    const link: RelayedLink = new RelayedLink(client, server, this.#stream.newUnits, {
      onCut: (unit) => this.#found(link, unit),
      onEnd: () => this.#links.delete(link),
    });
    this.#links.add(link);
    this.#applyDelay(link);
    this.#applyCut(link);
    const tell = this.#onLink;
    this.#onLink = undefined;
    tell?.(link);
  }

  #applyDelay({ pipes }: RelayedLink): void {
    for (const direction of DIRECTIONS) pipes[direction].delay(this.#delayMs);
  }

  #applyCut({ pipes }: RelayedLink): void {
    for (const direction of DIRECTIONS) {
      const isSought = this.#cut?.directions.includes(direction);
      pipes[direction].units.seek(isSought ? this.#cut : undefined);
    }
  }

  #found(link: RelayedLink, unit: string | undefined): void {
    const cut = this.#cut;
    this.#cut = undefined;
    for (const each of this.#links) this.#applyCut(each);
    cut?.onFound(link, unit);
  }
}
