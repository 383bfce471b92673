/**
 * vfio-user within one process: `memory:name`. For tests of devices and drivers, and for programs
 * that hold both ends. Nothing of the system is touched.
 *
 * ```ts
 * const registry = new TransportRegistry([memoryTransport()]);
 * await serve({ definition: counter, options, registry, listen: 'memory:counter' });
 * const client = await connectDevice('memory:counter', { registry });
 * ```
 *
 * @packageDocumentation
 */
export {
  type MemoryTransport,
  type MemoryTransportOptions,
  memoryTransport,
} from './memory-transport.js';
