import { textTable } from '@vfio-user/core/internal';
import { durationText } from '../text/values.js';
import type { LatencySummary } from './latencies.js';
import type { PlaceStatistics, TraceSummary } from './statistics.js';

/** Places in the table; JSON has all of them. */
const SHOWN_PLACES = 20;
/** Names of places that the device does not implement. */
const SHOWN_MISSING = 40;

const LATENCY_HEAD = ['p50', 'p99', 'max'];

/** The summary as tables for a terminal. */
export function statisticsText(summary: TraceSummary): string {
  const { messages, linkFrames, sentAgain, bytes, malformed, commands } = summary;
  const { places, otherAccesses } = summary;
  const broken = malformed === 0 ? '' : `, ${malformed} of them undecodable`;
  const again = sentAgain === 0 ? '' : `, ${sentAgain} sent again`;
  const link = linkFrames === 0 ? '' : `, ${linkFrames} link frames`;
  const sections = [`${messages} messages${broken}${again}${link}, ${bytes} bytes`];
  if (commands.length > 0) {
    const head = ['command', 'from', 'requests', 'errors', 'bytes', ...LATENCY_HEAD];
    const rows = commands.map((one) => [
      one.command,
      one.from,
      `${one.requests}`,
      `${one.errors}`,
      `${one.bytes}`,
      ...latencyCells(one.latency),
    ]);
    sections.push(textTable(head, rows, { left: 2 }));
  }
  if (places.length > 0) {
    const head = ['place', 'register', 'reads', 'writes', 'errors', ...LATENCY_HEAD];
    const rows = places
      .slice(0, SHOWN_PLACES)
      .map((one) => [
        placeName(one),
        one.register ?? '',
        `${one.reads}`,
        `${one.writes}`,
        `${one.errors}`,
        ...latencyCells(one.latency),
      ]);
    const more = places.length - rows.length;
    const note = more > 0 ? `\n... and ${more} more places: --json has them` : '';
    sections.push(`${textTable(head, rows, { left: 2 })}${note}`);
  }
  if (otherAccesses > 0) sections.push(`${otherAccesses} accesses to places not told apart`);
  const missing = places.filter(({ isImplemented }) => !isImplemented);
  if (missing.length > 0) sections.push(missingText(missing));
  return sections.join('\n\n');
}

function missingText(missing: readonly PlaceStatistics[]): string {
  const names = missing.slice(0, SHOWN_MISSING).map((one) => {
    const register = one.register === undefined ? '' : ` (${one.register})`;
    return `  ${placeName(one)}${register}${one.errors > 0 ? ` ${one.errors} errors` : ''}`;
  });
  const more = missing.length - names.length;
  if (more > 0) names.push(`  ... and ${more} more`);
  return ['touched, but not implemented by the device:', ...names].join('\n');
}

function placeName({ region, offset }: PlaceStatistics): string {
  return `${region}+0x${offset.toString(16)}`;
}

function latencyCells(latency: LatencySummary | undefined): string[] {
  if (latency === undefined) return ['', '', ''];
  return [latency.p50Us, latency.p99Us, latency.maxUs].map(durationText);
}
