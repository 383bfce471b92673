import type { Accept, FrameSink, Transport } from '@vfio-user/core';
import { EventFdWriter, MessageSocket, WOULD_BLOCK } from '@vfio-user/posix-ffi';

/** What an operation takes, both ends together. */
export interface Counts {
  /** Frames that arrived. */
  readonly messages: number;
  /** System calls that sent something. */
  readonly sends: number;
  /** System calls that received something. */
  readonly receives: number;
  /** System calls that signalled an eventfd. */
  readonly signals: number;
  /** Of JavaScript objects. */
  readonly allocatedBytes: number;
}

const counted = { messages: 0, sends: 0, receives: 0, signals: 0 };

/** Count system calls from now on. Calls that find nothing are left out: how often these are made is a matter of time. */
export function watchSystemCalls(): void {
  const { send, receive } = MessageSocket.prototype;
  MessageSocket.prototype.send = function (...args) {
    const count = send.apply(this, args);
    if (count !== WOULD_BLOCK) counted.sends++;
    return count;
  };
  MessageSocket.prototype.receive = function (...args) {
    const count = receive.apply(this, args);
    if (count !== WOULD_BLOCK) counted.receives++;
    return count;
  };
  const { signal } = EventFdWriter.prototype;
  EventFdWriter.prototype.signal = function (...args) {
    counted.signals++;
    signal.apply(this, args);
  };
}

/** Counts the frames that arrive. */
export function watched(transport: Transport): Transport {
  const counting =
    (accept: Accept): Accept =>
    (...args) => {
      const sink: FrameSink = accept(...args);
      return {
        onFrame: (frame) => {
          counted.messages++;
          sink.onFrame(frame);
        },
        onDrain: () => sink.onDrain(),
        onClose: (error) => sink.onClose(error),
      };
    };
  return new Proxy(transport, {
    get(target, name) {
      const value = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'connect' && name !== 'listen') return value.bind(target);
      return (uri: unknown, accept: Accept, context: unknown) =>
        value.call(target, uri, counting(accept), context);
    },
  });
}

/** Per operation of `count` ones, after as many to warm up. No garbage must be collected meanwhile. */
export async function countsOf(run: () => Promise<unknown>, count: number): Promise<Counts> {
  for (let i = 0; i < count; i++) await run();
  globalThis.gc?.();
  const before = { ...counted, allocatedBytes: process.memoryUsage().heapUsed };
  for (let i = 0; i < count; i++) await run();
  const after = { ...counted, allocatedBytes: process.memoryUsage().heapUsed };
  const per = (name: keyof Counts): number => (after[name] - before[name]) / count;
  return {
    messages: per('messages'),
    sends: per('sends'),
    receives: per('receives'),
    signals: per('signals'),
    allocatedBytes: per('allocatedBytes'),
  };
}
