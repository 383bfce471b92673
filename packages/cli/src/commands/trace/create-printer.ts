import type { Io } from '../../io.js';
import type { Outlet } from '../../trace/output/outlet.js';
import { JsonPrinter, type Printer, TextPrinter } from '../../trace/printer.js';
import { choosePalette } from '../../trace/text/palette.js';

/** Prints on stdout, for people or for programs. */
export function createPrinter(io: Io, outlet: Outlet, json: boolean | undefined): Printer {
  if (json === true) return new JsonPrinter(outlet);
  return new TextPrinter(outlet, choosePalette(io.stdoutStream.isTTY === true, io.env.NO_COLOR));
}
