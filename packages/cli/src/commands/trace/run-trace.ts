import { setTimeout } from 'node:timers/promises';
import type { Logger } from '@vfio-user/core';
import {
  encodeFileHeader,
  Gate,
  MAX_DATA_BYTES,
  Outlet,
  startRelay,
  statisticsText,
  stringify,
  Tracer,
  TraceStatistics,
} from '@vfio-user/trace';
import { UsageError } from '../../errors.js';
import { ExitCode } from '../../exit-codes.js';
import type { CommandContext } from '../../io.js';
import { loadTransports } from '../../registry.js';
import { runServer } from '../../run-server.js';
import { type SocketPermissions, socketPermissions } from '../../socket-permissions.js';
import { closeFile, createFile } from './capture-stream.js';
import { chooseDevice } from './choose-device.js';
import { createPrinter } from './create-printer.js';

/** How long a reader of stdout that has stopped reading may hold up the end, ms. */
const LAST_WORDS_MS = 1000;

export interface TraceCommandOptions extends SocketPermissions {
  readonly insecure?: boolean | undefined;
  readonly listen?: string | undefined;
  readonly connect?: string | undefined;
  readonly pcap?: string | undefined;
  readonly device?: string | undefined;
  readonly json?: boolean | undefined;
  readonly stats?: boolean | undefined;
}

/** Pass sessions through and show them until a signal. */
export async function runTrace(
  options: TraceCommandOptions,
  context: CommandContext,
  logger: Logger,
): Promise<void> {
  const { listen, connect, pcap, json, insecure } = options;
  if (listen === undefined || connect === undefined) {
    throw new UsageError('give both --listen <uri> and --connect <uri>, or a subcommand');
  }
  const device = chooseDevice(options.device);
  const { io } = context;
  const choices = { insecure, ...socketPermissions(listen, options) };
  const registry = await loadTransports([listen, connect], choices);
  // Like tcpdump: then stdout is the capture, and nothing else.
  const isPiped = pcap === '-';
  const file = pcap === undefined || isPiped ? undefined : await createFile(pcap);
  file?.on('error', ({ message }) => {
    context.exitCode = ExitCode.FAILURE;
    logger.error({ pcap, reason: message }, 'the capture ends here; the session goes on');
  });
  const gate = new Gate();
  const stdout = new Outlet(io.stdoutStream, gate);
  const capture = isPiped ? stdout : file && new Outlet(file, gate);
  capture?.write(encodeFileHeader());
  const printer = isPiped ? undefined : createPrinter(io, stdout, json);
  const say = isPiped ? io.stderr : io.stdout;
  const statistics = new TraceStatistics();
  const tracer = new Tracer({ printer, statistics, capture, device });
  const start = async () => {
    const relay = await startRelay({
      registry,
      listen,
      connect,
      logger,
      maxDataXferSize: MAX_DATA_BYTES,
      observe: (arrival) => tracer.observe(arrival),
    });
    gate.attach(relay);
    return relay;
  };
  let isPrinted = false;
  try {
    await runServer(start, {
      io,
      logger,
      registry,
      // Like the messages that follow, which wait for their reader.
      announce: (uri) =>
        say(`${json ? stringify({ type: 'listening', uri }) : `listening ${uri}`}\n`),
    });
    if (options.stats === true) {
      const summary = statistics.summary();
      if (printer === undefined) io.stderr(`${statisticsText(summary)}\n`);
      else printer.statistics(summary);
    }
  } finally {
    capture?.flush();
    if (file !== undefined) await closeFile(file);
    isPrinted = await inTime(stdout.written());
  }
  if (!isPrinted) io.exit(context.exitCode);
}

/** Whether a reader of stdout takes the last words before this loses patience. */
async function inTime(written: Promise<void>): Promise<boolean> {
  const over = new AbortController();
  const patience = setTimeout(LAST_WORDS_MS, false, { signal: over.signal });
  patience.catch(() => {});
  const isInTime = await Promise.race([written.then(() => true), patience]);
  over.abort();
  return isInTime;
}
