import {
  choosePalette,
  JsonPrinter,
  type Outlet,
  type Printer,
  TextPrinter,
} from '@vfio-user/trace';
import type { Io } from '../../io.js';

/** Prints on stdout, for people or for programs. */
export function createPrinter(io: Io, outlet: Outlet, json: boolean | undefined): Printer {
  if (json === true) return new JsonPrinter(outlet);
  return new TextPrinter(outlet, choosePalette(io.stdoutStream.isTTY === true, io.env.NO_COLOR));
}
