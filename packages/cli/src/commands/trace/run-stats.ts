import {
  readPackets,
  SessionDecoders,
  statisticsText,
  stringify,
  TraceStatistics,
} from '@vfio-user/trace';
import type { Io } from '../../io.js';
import { chooseDevice } from './choose-device.js';
import type { ReadCommandOptions } from './run-read.js';

/** Print what a capture adds up to. */
export function runStats(path: string, { json, device }: ReadCommandOptions, io: Io): void {
  const decoders = new SessionDecoders(chooseDevice(device));
  const statistics = new TraceStatistics();
  for (const packet of readPackets(path)) statistics.add(decoders.decode(packet));
  const summary = statistics.summary();
  io.stdout(`${json === true ? stringify(summary) : statisticsText(summary)}\n`);
}
