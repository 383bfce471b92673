import { ExitCode } from './errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** Requests to end, by signal. */
export interface Termination {
  /** Resolves with the signal received. */
  readonly requested: Promise<NodeJS.Signals>;
  /** Restore the default action of the signals. */
  dispose(): void;
}

/** Watch SIGTERM and SIGINT. The first one requests a clean end; a second SIGINT exits at once, in case that hangs. */
export function watchTermination(): Termination {
  let interrupts = 0;
  let request: (signal: NodeJS.Signals) => void = () => {};
  const requested = new Promise<NodeJS.Signals>((resolve) => {
    request = resolve;
  });
  const onSignal = (signal: NodeJS.Signals): void => {
    if (signal === 'SIGINT') interrupts += 1;
    if (interrupts > 1) process.exit(ExitCode.INTERRUPTED);
    request(signal);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return {
    requested,
    dispose() {
      for (const signal of SIGNALS) process.off(signal, onSignal);
    },
  };
}
