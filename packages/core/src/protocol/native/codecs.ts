import { VfioUserError } from '../../errors.js';
import { Command, type CommandNumber, commandName } from '../enums.js';
import type { KnownCommand } from '../messages.js';
import { type NativeBodyCodec, type NativeCommandCodec, nothing } from './codec.js';
import { deviceInfo } from './device-info-codec.js';
import { dmaRead, dmaWrite } from './dma-access-codec.js';
import { dmaMap, dmaUnmap } from './dma-mapping-codec.js';
import { irqInfo, setIrqs } from './irqs-codec.js';
import { deviceFeature, migDataRead, migDataWrite } from './migration-codec.js';
import { regionRead, regionWrite } from './region-access-codec.js';
import { regionInfo } from './region-info-codec.js';
import { regionIoFds } from './region-io-fds-codec.js';
import { regionWriteMulti } from './region-write-multi-codec.js';
import { version } from './version-codec.js';

/** "Commands": the codec of each. */
const codecs: { readonly [C in CommandNumber]: NativeCommandCodec<C> } = {
  [Command.VERSION]: { request: version, reply: version },
  [Command.DMA_MAP]: dmaMap,
  [Command.DMA_UNMAP]: dmaUnmap,
  [Command.DEVICE_GET_INFO]: deviceInfo,
  [Command.DEVICE_GET_REGION_INFO]: regionInfo,
  [Command.DEVICE_GET_REGION_IO_FDS]: regionIoFds,
  [Command.DEVICE_GET_IRQ_INFO]: irqInfo,
  [Command.DEVICE_SET_IRQS]: setIrqs,
  [Command.REGION_READ]: regionRead,
  [Command.REGION_WRITE]: regionWrite,
  [Command.DMA_READ]: dmaRead,
  [Command.DMA_WRITE]: dmaWrite,
  [Command.DEVICE_RESET]: { request: nothing, reply: nothing },
  [Command.REGION_WRITE_MULTI]: regionWriteMulti,
  [Command.DEVICE_FEATURE]: deviceFeature,
  [Command.MIG_DATA_READ]: migDataRead,
  [Command.MIG_DATA_WRITE]: migDataWrite,
};

/**
 * Codec of a message to send.
 * @throws {VfioUserError} `VFU_UNSUPPORTED` for a command of the portable encoding only.
 */
export function codecOf<C extends KnownCommand>(command: C): NativeCommandCodec<C> {
  const codec = (codecs as { readonly [C in KnownCommand]?: NativeCommandCodec<C> })[command];
  if (codec !== undefined) return codec;
  throw new VfioUserError(
    'VFU_UNSUPPORTED',
    `the native encoding has no ${commandName(command)}: use the portable one`,
  );
}

/** The decoders of a command of which only the number is known. */
export interface Decoders {
  readonly request: Pick<NativeBodyCodec<unknown>, 'minBytes' | 'decode'>;
  readonly reply: Pick<NativeBodyCodec<unknown>, 'minBytes' | 'decode'>;
}

/** Codec by a number that a peer sent, `undefined` for an unknown command. */
export function findDecoders(command: number): Decoders | undefined {
  return (codecs as Readonly<Record<number, Decoders>>)[command];
}
