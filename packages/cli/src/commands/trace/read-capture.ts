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

/** Print the messages of a capture. Those before a damaged place are printed before the error. */
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

/** Print statistics of a capture. */
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
