import { type LogFields, type Logger, TransportRegistry } from '@vfio-user/core';
import { tcpTransport } from '@vfio-user/transport-tcp';
import { unixTransport } from '@vfio-user/transport-unix';

export const registry = new TransportRegistry([tcpTransport(), unixTransport()]);

/** Warnings and errors on stderr, which the parent process shows when something goes wrong. */
export function loggerOf(bindings: LogFields = {}): Logger {
  const write = (fields: LogFields, message: string): void => {
    const text = Object.entries({ ...bindings, ...fields })
      .map(([name, value]) => `${name}=${value instanceof Error ? value.message : String(value)}`)
      .join(' ');
    process.stderr.write(`${message} ${text}\n`);
  };
  return {
    debug() {},
    info() {},
    warn: write,
    error: write,
    child: (more) => loggerOf({ ...bindings, ...more }),
  };
}

/** The task of this process. */
export function taskOf<T>(): T {
  return JSON.parse(process.argv[2] ?? '{}') as T;
}

/** Ends this process with its parent, whose end of stdin closes with it, and on SIGTERM. */
export function endWithParent(close: () => Promise<void>): void {
  const end = (): void => {
    void close().finally(() => process.exit());
  };
  process.stdin.resume().once('end', end);
  process.once('SIGTERM', end);
}
