import { readdirSync, readFileSync } from 'node:fs';

/** Memory, descriptors and memory areas of a process, in words. */
export function processText(pid: number | undefined): string {
  const resident = Number(/^VmRSS:\s+(\d+)/m.exec(read(pid, 'status'))?.[1]) / 1024;
  const descriptors = readdirSync(`/proc/${pid}/fd`).length;
  const areas = read(pid, 'maps').split('\n').length - 1;
  return `${resident.toFixed(0)} MiB, ${descriptors} descriptors, ${areas} memory areas`;
}

/** Resident memory of its own, MiB: what it shares with others is not counted. */
export function ownMebibytes(pid: number | undefined): number {
  return Number(/^RssAnon:\s+(\d+)/m.exec(read(pid, 'status'))?.[1]) / 1024;
}

/** Processor time so far, ms, in clock ticks of 10 ms. */
export function processorMilliseconds(pid: number | undefined): number {
  const [user, system] = (read(pid, 'stat').split(') ').at(-1) ?? '').split(' ').slice(11, 13);
  return (Number(user) + Number(system)) * 10;
}

function read(pid: number | undefined, name: string): string {
  return readFileSync(`/proc/${pid}/${name}`, 'latin1');
}
