/**
 * vfio-user: PCI devices as programs, plugged into virtual machines over any transport.
 *
 * ```ts
 * import { serve, TransportRegistry } from '@vfio-user/core';
 * import { counter } from '@vfio-user/devices';
 *
 * const registry = new TransportRegistry(transports); // any packages that implement `Transport`
 * const options = counter.options.parse({});
 * await using server = await serve({ definition: counter, options, registry, listen: uri });
 * await server.closed;
 * ```
 *
 * @packageDocumentation
 */
export { advanceIova, getIova, type Iova, iovaFromHalves } from './address.js';
export { type Bridge, type BridgeOptions, startBridge } from './bridge/bridge.js';
export { type ConnectOptions, connectDevice } from './client/connect-device.js';
export type { DeviceClient } from './client/device-client.js';
export type {
  InterruptsOptions,
  RaisedInterrupt,
  RaisedInterrupts,
} from './client/iterate-interrupts.js';
export type * from './device/access.js';
export * from './device/device.js';
export type * from './device/dma.js';
export type { RegisterFile, RegisterHooks } from './device/register-file.js';
export type { RegisterDefinition, RegisterTableOptions } from './device/register-layout.js';
export {
  defineRegisters,
  type FoundRegister,
  type PciIds,
  type RegisterMap,
  type RegisterTable,
} from './device/register-table.js';
export { TestHost, type TestHostOptions, type TestMapping } from './device/test-host.js';
export type { TestMessages } from './device/test-memory.js';
export type { DmaMapOptions } from './device-end/dma-mappings.js';
export type { Doorbell } from './device-end/doorbells.js';
export type { GuestMemory } from './device-end/guest-memory.js';
export type { InterruptHandler } from './device-end/interrupts.js';
export type { MappedArea, MappedRegion } from './device-end/regions.js';
export {
  type AboutDevice,
  type DiagnosticsChannel,
  type DmaDone,
  type DmaPath,
  diagnostics,
  type ErrorSeen,
  type InterruptSent,
  type LinkChange,
  type RequestHandled,
  type SessionChange,
} from './diagnostics/channels.js';
export * as errno from './errno.js';
export * from './errors.js';
export { defaultLimits, type ServerLimits } from './host-end/limits.js';
export type { ServedClient, ServedClients } from './host-end/served-clients.js';
export { type LogFields, type Logger, silentLogger } from './logger.js';
export type * from './pci/capabilities/capability.js';
export { deviceSerialNumber } from './pci/capabilities/device-serial-number.js';
export { type MsiOptions, msi } from './pci/capabilities/msi.js';
export { type MsixOptions, msix } from './pci/capabilities/msix.js';
export { type PciExpressOptions, pciExpress } from './pci/capabilities/pci-express.js';
export {
  type PowerManagementOptions,
  powerManagement,
} from './pci/capabilities/power-management.js';
export { vendorSpecific } from './pci/capabilities/vendor-specific.js';
export {
  type VendorSpecificExtendedOptions,
  vendorSpecificExtended,
} from './pci/capabilities/vendor-specific-extended.js';
export { RegisterSet } from './pci/register-set.js';
export { RegisterSetBuilder } from './pci/register-set-builder.js';
/** What requests and replies consist of, for {@link DeviceClient.call}. */
export type * as bodies from './protocol/bodies.js';
export type { DeviceInfo, IrqInfo, RegionInfo, SparseArea, Version } from './protocol/bodies.js';
export type { Capabilities } from './protocol/capabilities.js';
export * as constants from './protocol/constants.js';
export {
  Command,
  type CommandName,
  type CommandNumber,
  commandName,
  DeviceState,
  ExtensionCommand,
  type ExtensionCommandNumber,
  Feature,
  Irq,
  Region,
} from './protocol/enums.js';
export type { KnownCommand, ReplyBodies, RequestBodies } from './protocol/messages.js';
export { type DeviceServer, type ServeOptions, serve } from './server/device-server.js';
export type { CallOptions } from './session/call.js';
export type * from './transport/handshake.js';
export type * from './transport/one-sided.js';
export { TransportRegistry } from './transport/registry.js';
export type * from './transport/resources.js';
export type * from './transport/transport.js';
export type { EncodingName, TransportUri } from './transport/uri.js';
export { parseSize } from './units.js';
