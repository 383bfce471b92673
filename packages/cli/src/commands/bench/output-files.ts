import { existsSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import {
  type NamedReport,
  PLOT_FORMATS,
  type PlotFormat,
  type PlotWriter,
  plotWriter,
  type Report,
  reportCsv,
  reportJson,
  reportMarkdown,
} from '@vfio-user/bench';
import { attemptFailed } from '@vfio-user/core/internal';
import type { BenchCommandOptions } from './options.js';

const KINDS = ['json', 'csv', 'html', 'png', 'markdown'] as const;
type Kind = (typeof KINDS)[number];
type Content = string | Uint8Array;
type OutputOptions = Pick<BenchCommandOptions, Kind>;

interface OutputFile {
  readonly path: string;
  readonly handle: FileHandle;
  /** It was not there before. */
  readonly isNew: boolean;
  isWritten: boolean;
}

/**
 * The files that were asked for. They are opened before anything is measured, so that a wrong path
 * costs nobody a run; what they held stays until there are results.
 */
export class OutputFiles {
  readonly #files = new Map<Kind, OutputFile>();
  readonly #plots = new Map<PlotFormat, PlotWriter>();

  private constructor() {}

  /**
   * @throws {VfioUserError} `VFU_CONFIG_INVALID` naming the one that cannot be written.
   * @throws {BenchError} when what draws plots is not installed.
   */
  static async open(options: OutputOptions): Promise<OutputFiles> {
    const files = new OutputFiles();
    for (const format of PLOT_FORMATS) {
      if (options[format] !== undefined) files.#plots.set(format, await plotWriter(format));
    }
    try {
      for (const kind of KINDS) {
        const path = options[kind];
        if (path !== undefined) files.#files.set(kind, await openFile(kind, path));
      }
      return files;
    } catch (error) {
      await files.close();
      throw error;
    }
  }

  /** Write all of them. */
  async write(report: Report): Promise<void> {
    await this.#fill('json', () => reportJson(report));
    await this.#fill('csv', () => reportCsv(report));
    await this.#fill('markdown', () => reportMarkdown(report));
    await this.writePlots([{ name: '', report }]);
  }

  /** Write the plots of one run, or of several together. */
  async writePlots(reports: readonly NamedReport[]): Promise<void> {
    for (const [format, write] of this.#plots) await this.#fill(format, () => write(reports));
  }

  /** Removes files that were created but not written. */
  async close(): Promise<void> {
    for (const { path, handle, isNew, isWritten } of this.#files.values()) {
      await handle.close();
      if (isNew && !isWritten) await rm(path, { force: true });
    }
    this.#files.clear();
  }

  async #fill(kind: Kind, make: () => Content | Promise<Content>): Promise<void> {
    const file = this.#files.get(kind);
    if (file === undefined) return;
    const content = await make();
    try {
      // Not a pipe or a terminal, of which nothing is left from before.
      if ((await file.handle.stat()).isFile()) await file.handle.truncate();
      await file.handle.writeFile(content);
    } catch (error) {
      throw attemptFailed('write-file', `--${kind} ${file.path}`, error);
    }
    file.isWritten = true;
  }
}

async function openFile(kind: Kind, path: string): Promise<OutputFile> {
  const isNew = !existsSync(path);
  try {
    return { path, handle: await open(path, 'a'), isNew, isWritten: false };
  } catch (error) {
    throw attemptFailed('write-file', `--${kind} ${path}`, error, { code: 'VFU_CONFIG_INVALID' });
  }
}
