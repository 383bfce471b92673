// A small client of QEMU's machine protocol (QMP): JSON lines over an AF_UNIX socket.
// We listen and QEMU connects, so nobody has to poll for a socket.

import { createServer, type Socket } from 'node:net';

/** An asynchronous message from QEMU, such as `DEVICE_DELETED`. */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiting {
  resolve(value: unknown): void;
  reject(error: Error): void;
}

interface EventWaiting extends Waiting {
  matches(event: QmpEvent): boolean;
}

export class Qmp {
  readonly #socket: Socket;
  readonly #replies: Waiting[] = [];
  readonly #eventWaiters = new Set<EventWaiting>();
  #partial = '';
  #closed = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text) => this.#receive(String(text)));
    socket.on('error', () => {
      /* "close" follows */
    });
    socket.on('close', () => this.#fail());
  }

  /** Listens on `path`; the promise inside the answer resolves when QEMU has connected and negotiated. */
  static async listen(path: string): Promise<{ connected: Promise<Qmp>; stop(): void }> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    const connected = new Promise<Qmp>((resolve, reject) => {
      server.once('connection', (socket) => {
        server.close();
        const qmp = new Qmp(socket);
        // The greeting is an unasked-for message that #receive ignores; commands work after this one.
        qmp.execute('qmp_capabilities').then(() => resolve(qmp), reject);
      });
    });
    connected.catch(() => {
      /* reported to whoever awaits it */
    });
    return {
      connected,
      stop: () => {
        server.close();
      },
    };
  }

  /** Runs one command and gives its `return` value; rejects with QEMU's own description of an error. */
  execute(command: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (this.#closed) return Promise.reject(new Error(`QMP is closed, cannot run ${command}`));
    return new Promise((resolve, reject) => {
      this.#replies.push({
        resolve,
        reject: (error) => {
          reject(new Error(`QMP ${command}: ${error.message}`));
        },
      });
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    });
  }

  /** Waits for the next event of that name whose data passes `matches`. Call it before the command that causes it. */
  waitForEvent(
    name: string,
    timeoutMs: number,
    matches: (data: QmpEvent['data']) => boolean = () => true,
  ): Promise<QmpEvent> {
    return new Promise<QmpEvent>((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#eventWaiters.delete(waiter);
      };
      const waiter: EventWaiting = {
        matches: (event) => event.event === name && matches(event.data),
        resolve: (event) => {
          settle();
          resolve(event as QmpEvent);
        }, // only #receive calls it, with an event
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      const timer = setTimeout(() => {
        waiter.reject(new Error(`no QMP event ${name} within ${timeoutMs} ms`));
      }, timeoutMs);
      this.#eventWaiters.add(waiter);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(text: string): void {
    const lines = (this.#partial + text).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const line of lines) {
      if (line.trim() === '') continue;
      const message = JSON.parse(line) as Record<string, unknown>; // QEMU is trusted to follow its protocol
      if (typeof message.event === 'string') {
        const event: QmpEvent = {
          event: message.event,
          data: (message.data ?? {}) as QmpEvent['data'],
        };
        for (const waiter of [...this.#eventWaiters])
          if (waiter.matches(event)) waiter.resolve(event);
      } else if ('error' in message) {
        this.#replies.shift()?.reject(new Error((message.error as { desc: string }).desc));
      } else if ('return' in message) {
        this.#replies.shift()?.resolve(message.return);
      }
    }
  }

  #fail(): void {
    this.#closed = true;
    const error = new Error('QEMU closed the QMP connection');
    for (const waiting of [...this.#replies.splice(0), ...this.#eventWaiters])
      waiting.reject(error);
  }
}
