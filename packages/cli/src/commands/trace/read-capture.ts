import {
  BatchedWriter,
  readCapture,
  statisticsText,
  stringify,
  Tracer,
  TraceStatistics,
} from '@vfio-user/trace';
import type { Io } from '../../io.js';
import { createPrinter, deviceNames, type PrintingOptions } from './printing.js';

/** Print what a capture holds. What comes before damage is printed, then the damage is an error. */
export async function printCapture(path: string, options: PrintingOptions, io: Io): Promise<void> {
  const stdout = new BatchedWriter(io.stdoutStream);
  const tracer = new Tracer([createPrinter(io, stdout, options)], await deviceNames(options));
  try {
    for (const packet of readCapture(path)) {
      tracer.replay(packet);
      if (stdout.isFull) await stdout.drained();
      if (io.stdoutStream.destroyed) return;
    }
  } finally {
    stdout.flush();
  }
}

/** Print what a capture adds up to. */
export async function printStatistics(
  path: string,
  options: PrintingOptions,
  io: Io,
): Promise<void> {
  const statistics = new TraceStatistics();
  const tracer = new Tracer([statistics], await deviceNames(options));
  for (const packet of readCapture(path)) tracer.replay(packet);
  const summary = statistics.summary();
  io.stdout(`${options.json === true ? stringify(summary) : statisticsText(summary)}\n`);
}
