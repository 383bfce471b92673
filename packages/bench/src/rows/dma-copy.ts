import { join } from 'node:path';
import { type Contender, sampled } from '../engine/contender.js';
import {
  BLOCK_BYTES,
  CopyEngine,
  copyByMap,
  openInProcess,
  readIntoBuffer,
} from './copy-contenders.js';
import { type Comparison, plugIn, type Row, type RowContext } from './row.js';

/** Blocks a round. */
const COUNT = 512;
const TARGET = 0.9;

const NEAR = BLOCK_BYTES;
const FAR = 64 * BLOCK_BYTES;

/**
 * 1 MiB blocks copied within guest memory by a device, against memcpy on memory mapped likewise. Only
 * equal footprints are compared: near ones stay in a processor cache, far ones do not.
 */
export async function dmaCopy(context: RowContext): Promise<Row> {
  const { programs, folder, launcher, cleanup } = context;
  const engineUri = `unix://${join(folder, 'engine.sock')}`;
  cleanup.add(await launcher.device('bench', engineUri));
  const guest = cleanup.add(await plugIn(engineUri, 2 * FAR));
  const engine = await CopyEngine.open(guest);
  const inProcess = cleanup.add(await openInProcess(join(folder, 'copy.sock'), FAR));
  const buffer = new Uint8Array(BLOCK_BYTES);

  const contenders: Contender[] = [];
  const comparisons: Comparison[] = [];
  const compare = (floor: Contender, direct: Contender, inEngine?: Contender): void => {
    contenders.push(floor, direct);
    comparisons.push({ subject: direct, floor, quantity: 'speed', target: TARGET });
    if (inEngine === undefined) return;
    contenders.push(inEngine);
    // It tells how long many blocks took together, which has no median of one.
    comparisons.push({ subject: inEngine, floor, quantity: 'rate', target: TARGET });
  };
  const memcpy = (name: string, source: number, target: number): Contender =>
    sampled(name, () => programs.samples({ name: 'copy', args: [source, target, COUNT] }));
  compare(
    memcpy('near: memcpy in C', NEAR, NEAR),
    inProcess.contender('near: range.view and set', NEAR, COUNT, copyByMap),
    engine.contender('near: DMA engine of serve bench', NEAR, COUNT),
  );
  compare(
    memcpy('far: memcpy in C', FAR, FAR),
    inProcess.contender('far: range.view and set', FAR, COUNT, copyByMap),
    engine.contender('far: DMA engine of serve bench', FAR, COUNT),
  );
  compare(
    memcpy('gather: memcpy in C', FAR, BLOCK_BYTES),
    inProcess.contender('gather: range.read', FAR, COUNT, readIntoBuffer(buffer)),
  );
  return {
    name: 'dma-copy',
    what: '1 MiB of shared guest memory copied. near: one block to one block; far: 64 MiB to 64 MiB, block by block; gather: 64 MiB to one block.',
    contenders,
    comparisons,
  };
}
