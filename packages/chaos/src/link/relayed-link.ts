import type { Socket } from 'node:net';
import type { Direction, End } from '../plan/faults.js';
import { Pipe } from './pipe.js';
import type { Units } from './units.js';

/** A connection of a client, and the one to its server that it is relayed to. */
export class RelayedLink {
  readonly #ends: Readonly<Record<End, Socket>>;
  readonly pipes: Readonly<Record<Direction, Pipe>>;
  /** Ends that are told nothing of what becomes of the other one. */
  readonly #untold = new Set<End>();
  readonly #onEnd: () => void;

  /** @param onEnd both ends are closed. */
  constructor(
    client: Socket,
    server: Socket,
    newUnits: () => Units,
    { onCut, onEnd }: { onCut: (unit: string | undefined) => void; onEnd: () => void },
  ) {
    this.#ends = { client, server };
    this.#onEnd = onEnd;
    const pipe = (source: Socket, target: Socket): Pipe => {
      const units = newUnits();
      return new Pipe(source, target, units, () => onCut(units.found));
    };
    this.pipes = { toServer: pipe(client, server), toClient: pipe(server, client) };
    this.#watch('client', 'server', this.pipes.toServer);
    this.#watch('server', 'client', this.pipes.toClient);
  }

  /** Both ends are open, and each is told of the other. */
  get isWhole(): boolean {
    return !this.#ends.client.destroyed && !this.#ends.server.destroyed && this.#untold.size === 0;
  }

  /** Reset one end, or both. The other one is not told. */
  reset(end?: End): void {
    for (const each of end === undefined ? (['client', 'server'] as const) : [end]) {
      this.keepUntold();
      this.#ends[each].resetAndDestroy();
    }
  }

  /** End both connections in order. */
  end(): void {
    for (const pipe of Object.values(this.pipes)) pipe.drop();
    for (const socket of Object.values(this.#ends)) socket.destroySoon();
  }

  /** Neither end is told any more of what becomes of the other one. */
  keepUntold(): void {
    this.#untold.add('client').add('server');
  }

  destroy(): void {
    for (const socket of Object.values(this.#ends)) socket.destroy();
  }

  #watch(end: End, other: End, pipe: Pipe): void {
    const socket = this.#ends[end];
    socket.setNoDelay(true);
    // The end of the connection follows.
    socket.on('error', () => {});
    socket.on('end', () => {
      if (!this.#untold.has(other)) pipe.end();
    });
    socket.on('close', (hadError) => {
      pipe.stop();
      const { destroyed } = this.#ends[other];
      if (destroyed) this.#onEnd();
      else if (!this.#untold.has(other)) this.#close(other, hadError);
    });
  }

  #close(end: End, hadError: boolean): void {
    if (hadError) this.#ends[end].resetAndDestroy();
    else this.#ends[end].destroySoon();
  }
}
