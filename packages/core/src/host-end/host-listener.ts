import { deferred } from '../deferred.js';
import { VfioUserError } from '../errors.js';
import type { LimitedLogger } from '../limited-logger.js';
import type { Logger } from '../logger.js';
import { LinkReport } from '../session/link-report.js';
import type { NegotiatedConnection } from '../session/negotiated-encoding.js';
import { listenOnUri } from '../session/open.js';
import { SessionTable } from '../session/session-table.js';
import type { TransportRegistry } from '../transport/registry.js';
import type { Listener } from '../transport/transport.js';
import { Admission } from './admission.js';
import type { HostEnd } from './host-end.js';
import type { ServerLimits } from './limits.js';
import { ServedClientList, type ServedClients } from './served-clients.js';

/** A running server or bridge. */
export interface ClientHost extends AsyncDisposable {
  /** URI it listens on, with port 0 resolved. */
  readonly uri: string;
  /** Resolves when it has ended: by {@link close}, its signal, or after its only client. */
  readonly closed: Promise<void>;
  /** The current clients, then each new one. */
  clients(): ServedClients;
  /** Counters for monitoring. */
  statistics(): Readonly<Record<string, number | string>>;
  /**
   * Stop listening; close all connections once what is queued is sent. It has ended also if this
   * rejects, with the first error on the way.
   */
  close(): Promise<void>;
}

/** How long a client may be silent while another one waits for its place, ms. */
const PROBE_MS = 1_000;

/** Events of one connection. */
export interface ClientEvents {
  /** The client has sent VERSION and can be admitted. */
  readonly onVersion: () => void;
  /** VERSION was accepted. */
  readonly onServed: () => void;
  /**
   * The connection has ended.
   * @param release releases what the client used.
   */
  readonly onEnd: (error: Error | undefined, release: () => Promise<void>) => void;
}

export interface HostListenerOptions {
  readonly registry: TransportRegistry;
  readonly listen: string;
  readonly logger: LimitedLogger;
  readonly limits: ServerLimits;
  /** Most clients at a time. */
  readonly maxClients: number;
  /** What listens, for errors: `server`, `bridge`. */
  readonly kind: string;
  /** What is busy when no more clients are admitted, for errors: `the device`, `the bridge`. */
  readonly what: string;
  /** Called for each connection. `logger` names the peer, `report` counts losses of links. */
  readonly accept: (
    opened: NegotiatedConnection,
    events: ClientEvents,
    logger: Logger,
    report: LinkReport,
  ) => HostEnd;
  /** For {@link ClientHost.statistics}. */
  readonly statistics: (admission: Admission<HostEnd>) => Readonly<Record<string, number | string>>;
  /** Called when all clients are released and no more are admitted. */
  readonly onClosed?: () => Promise<void>;
  /** End after the first client has left. */
  readonly once?: boolean;
  /** Aborts the start, which rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Listens for clients and admits them: the common part of a server and a bridge. */
export class HostListener implements ClientHost {
  readonly closed: Promise<void>;
  readonly #admission: Admission<HostEnd>;
  readonly #clients = new ServedClientList<HostEnd>();
  readonly #options: HostListenerOptions;
  /** Sessions that survive their link, and what became of their links. */
  readonly #sessions = new SessionTable();
  readonly #report = new LinkReport();
  #listener: Listener | undefined;
  #uri = '';
  #ending: Promise<void> | undefined;
  readonly #ended = deferred();

  private constructor(options: HostListenerOptions) {
    this.#options = options;
    this.#admission = new Admission(options);
    this.closed = this.#ended.promise;
  }

  /** Resolves when it listens. */
  static async start(options: HostListenerOptions): Promise<HostListener> {
    const started = new HostListener(options);
    await started.#listen();
    return started;
  }

  async #listen(): Promise<void> {
    const { registry, listen, logger, limits, signal } = this.#options;
    const { maxDataXferSize, silenceMs, holdMs } = limits;
    const listener = await listenOnUri(registry, listen, (opened) => this.#accept(opened).peer, {
      maxDataXferSize,
      silenceMs,
      sessions: holdMs > 0 ? this.#sessions : undefined,
      holdMs,
      report: this.#report,
      onInterrupted: () => this.#onInterrupted(),
      logger,
      signal,
    });
    this.#listener = listener;
    this.#uri = listener.uri;
    void listener.ended?.then(() => this.close());
    void this.closed.then(() => logger.flush());
  }

  get uri(): string {
    return this.#uri;
  }

  clients(): ServedClients {
    return this.#clients.follow();
  }

  statistics(): Readonly<Record<string, number | string>> {
    return { ...this.#options.statistics(this.#admission), ...this.#report.statistics };
  }

  close(): Promise<void> {
    if (this.#ending === undefined) {
      this.#ending = this.#end();
      // The errors were logged, for whom nobody waits.
      this.#ending.catch(() => {});
    }
    return this.#ending;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #accept(opened: NegotiatedConnection): HostEnd {
    const logger = this.#options.logger.child({ peer: opened.connection.peer });
    const events: ClientEvents = {
      onVersion: () => this.#apply(host),
      onServed: () => this.#clients.came(host, host.name),
      onEnd: (error, release) => this.#onEnd(host, error, release),
    };
    const host: HostEnd = this.#options.accept(opened, events, logger, this.#report);
    this.#admission.arrived(host);
    return host;
  }

  #apply(host: HostEnd): void {
    const { full } = this.#admission;
    const others = [...this.#admission.clients];
    this.#admission.apply(host, this.#replaceHeld(host));
    // A client whose machine lost power may be back before its old link is found dead.
    for (const other of others) {
      if (full || isSamePeer(other, host)) other.peer.session?.probe(PROBE_MS);
    }
  }

  /**
   * The link of a session was lost: its peer may be here already, with a new session. In a bridge
   * that one may wait for the device, which is still busy with the old one.
   */
  #onInterrupted(): void {
    const { waiting, clients } = this.#admission;
    for (const next of [...waiting, ...[...clients].filter(({ negotiated }) => !negotiated)]) {
      if (this.#replaceHeld(next)) this.#admission.prefer(next);
    }
  }

  /** End the session that the peer of `next` has left without a link, if there is one. */
  #replaceHeld(next: HostEnd): boolean {
    for (const host of this.#admission.clients) {
      if (host.heldUntil === undefined || !isSamePeer(host, next)) continue;
      host.drop(new VfioUserError('VFU_PEER_CLOSED', 'its peer has begun a new session'));
      return true;
    }
    return false;
  }

  #onEnd(host: HostEnd, error: Error | undefined, release: () => Promise<void>): void {
    const { logger, once = false } = this.#options;
    this.#admission.left(host);
    this.#clients.left(host, error);
    const isClient = this.#admission.clients.has(host);
    const fields = { peer: host.name, ...(error && { reason: error.message }) };
    if (!isClient) logger.debug(fields, 'a connection ended that was no client');
    else logger[error === undefined ? 'info' : 'warn'](fields, 'client gone');
    void release()
      .catch((err) => logger.error({ err }, 'a client is gone, but not all it left'))
      .finally(() => {
        if (isClient && once) void this.close();
        this.#admission.released(host);
      });
  }

  async #end(): Promise<void> {
    const { kind, logger, onClosed } = this.#options;
    const reason = new VfioUserError('VFU_PEER_CLOSED', `the ${kind} is ending`);
    const emptied = this.#admission.close(reason);
    const errors: unknown[] = [];
    for (const step of [() => this.#listener?.close(), () => emptied, () => onClosed?.()]) {
      try {
        await step();
      } catch (err) {
        errors.push(err);
        logger.error({ err }, `the ${kind} has ended, but not all of it could be closed`);
      }
    }
    this.#clients.end();
    this.#ended.resolve();
    if (errors.length > 0) throw errors[0];
  }
}

/** Whether both are sessions of the same certificate or, where there is none, the same address. */
function isSamePeer(one: HostEnd, other: HostEnd): boolean {
  const [a, b] = [one.peer.session?.identity, other.peer.session?.identity];
  if (a === undefined || b === undefined || a.certificate !== b.certificate) return false;
  return a.certificate !== undefined || (a.address !== undefined && a.address === b.address);
}
