import { ExitCode } from './errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/** A person or a supervisor asking this process to end. */
export interface Termination {
  /** Resolves with the signal that asked. */
  readonly requested: Promise<NodeJS.Signals>;
  /** Give the signals back to their default action. */
  dispose(): void;
}

/**
 * Watch SIGTERM and SIGINT. The first one is a request to end cleanly; a second SIGINT ends the
 * process on the spot, for the case that the clean end hangs.
 */
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
