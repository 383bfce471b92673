import { Command, ExtensionCommand } from '../enums.js';
import type { KnownCommand } from '../messages.js';
import type { PortableCommandCodec } from './codec.js';
import { deviceInfo, irqInfo, regionInfo } from './device-info-codec.js';
import { dmaRead, dmaWrite } from './dma-access-codec.js';
import { dmaMap, dmaUnmap } from './dma-mapping-codec.js';
import {
  acknowledge,
  dmaFault,
  doorbell,
  interrupt,
  keepAlive,
  pushRules,
} from './extension-codecs.js';
import { deviceFeature, migDataRead, migDataWrite } from './migration-codec.js';
import { regionRead, regionWrite, regionWriteMulti } from './region-access-codec.js';
import { regionIoFds } from './region-io-fds-codec.js';
import { setIrqs } from './set-irqs-codec.js';
import { version } from './version-codec.js';

/** How the body of each command becomes a record and back. */
export const codecs: { readonly [C in KnownCommand]: PortableCommandCodec<C> } = {
  [Command.VERSION]: version,
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
  [Command.DEVICE_RESET]: { request: undefined, reply: undefined },
  [Command.REGION_WRITE_MULTI]: regionWriteMulti,
  [Command.DEVICE_FEATURE]: deviceFeature,
  [Command.MIG_DATA_READ]: migDataRead,
  [Command.MIG_DATA_WRITE]: migDataWrite,
  [ExtensionCommand.INTERRUPT]: interrupt,
  [ExtensionCommand.DOORBELL]: doorbell,
  [ExtensionCommand.KEEP_ALIVE]: keepAlive,
  [ExtensionCommand.ACKNOWLEDGE]: acknowledge,
  [ExtensionCommand.PUSH_RULES]: pushRules,
  [ExtensionCommand.DMA_FAULT]: dmaFault,
};
