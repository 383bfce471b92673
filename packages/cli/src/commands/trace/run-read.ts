import { Gate, Outlet, readPackets, SessionDecoders } from '@vfio-user/trace';
import type { Io } from '../../io.js';
import { chooseDevice } from './choose-device.js';
import { createPrinter } from './create-printer.js';

export interface ReadCommandOptions {
  readonly json?: boolean | undefined;
  readonly device?: string | undefined;
}

/** Print what a capture holds. What comes before damage is printed, then the damage is an error. */
export async function runRead(path: string, options: ReadCommandOptions, io: Io): Promise<void> {
  const decoders = new SessionDecoders(chooseDevice(options.device));
  const stdout = new Outlet(io.stdoutStream, new Gate());
  const printer = createPrinter(io, stdout, options.json);
  try {
    for (const packet of readPackets(path)) {
      const { session, timeUs, encoding } = packet;
      if (!decoders.follows(session)) printer.begins({ session, timeUs, encoding });
      printer.message(decoders.decode(packet));
      if (stdout.isFull) await stdout.drained();
      if (io.stdoutStream.destroyed) return;
    }
  } finally {
    stdout.flush();
  }
}
