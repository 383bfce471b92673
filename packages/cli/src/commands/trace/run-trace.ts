import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Logger } from '@vfio-user/core';
import { attemptFailed } from '@vfio-user/core/internal';
import {
  BatchedWriter,
  CaptureWriter,
  startRelay,
  statisticsText,
  stringify,
  Tracer,
  TraceStatistics,
} from '@vfio-user/trace';
import { ExitCode, UsageError } from '../../errors.js';
import type { CommandContext } from '../../io.js';
import { loadTransports } from '../../registry.js';
import { runServer } from '../../run-server.js';
import { type SocketPermissions, socketPermissions } from '../../server-options.js';
import { createPrinter, deviceNames, type PrintingOptions } from './printing.js';

/** How long the end waits for a reader of stdout that has stopped reading, ms. */
const LAST_WORDS_MS = 1000;

export interface TraceCommandOptions extends SocketPermissions, PrintingOptions {
  readonly insecure?: boolean | undefined;
  readonly listen?: string | undefined;
  readonly connect?: string | undefined;
  readonly pcap?: string | undefined;
  readonly stats?: boolean | undefined;
}

/** Relay sessions and print their messages until a signal. */
export async function runTrace(
  options: TraceCommandOptions,
  context: CommandContext,
  logger: Logger,
): Promise<void> {
  const { listen, connect, pcap, json, insecure } = options;
  if (listen === undefined || connect === undefined) {
    throw new UsageError('give both --listen <uri> and --connect <uri>, or a subcommand');
  }
  const names = await deviceNames(options);
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
  const stdout = new BatchedWriter(io.stdoutStream);
  const saved = isPiped ? stdout : file && new BatchedWriter(file);
  const capture = saved && new CaptureWriter(saved);
  const printer = isPiped ? undefined : createPrinter(io, stdout, options);
  const say = isPiped ? io.stderr : io.stdout;
  const statistics = new TraceStatistics();
  const sinks = [capture, statistics, printer].filter((sink) => sink !== undefined);
  const tracer = new Tracer(sinks, names);
  const start = async () => {
    const relay = await startRelay({
      registry,
      listen,
      connect,
      logger,
      observe: (arrival) => tracer.observe(arrival),
    });
    stdout.holdUp(relay);
    saved?.holdUp(relay);
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
    saved?.flush();
    if (file !== undefined) await closeFile(file);
    isPrinted = await inTime(stdout.written());
  }
  if (!isPrinted) io.exit(context.exitCode);
}

/** Whether the last output was written before the timeout. */
async function inTime(written: Promise<void>): Promise<boolean> {
  const over = new AbortController();
  const patience = setTimeout(LAST_WORDS_MS, false, { signal: over.signal });
  patience.catch(() => {});
  const isInTime = await Promise.race([written.then(() => true), patience]);
  over.abort();
  return isInTime;
}

/**
 * A file to write to, created or emptied.
 * @throws {VfioUserError} `VFU_CONFIG_INVALID` when it cannot be written.
 */
async function createFile(path: string): Promise<WriteStream> {
  const stream = createWriteStream(path);
  try {
    await once(stream, 'open');
    return stream;
  } catch (error) {
    const what = `--pcap ${path}: the file cannot be written`;
    throw attemptFailed('write-file', what, error, { code: 'VFU_CONFIG_INVALID' });
  }
}

/** Write everything that is left, and close it. Does not reject: an error was reported as an event. */
async function closeFile(stream: WriteStream): Promise<void> {
  if (stream.destroyed) return;
  await new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.end();
  });
}
