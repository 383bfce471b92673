import { type DeviceClient, type GuestMemory, VfioUserError } from '@vfio-user/core';

/** Guest address (IOVA) of the memory of a {@link Guest}. */
export const GUEST_BASE = 0x1_0000_0000;

/** Memory that a device can reach, and this process as well. */
export class Guest {
  readonly client: DeviceClient;
  readonly memory: GuestMemory;

  private constructor(client: DeviceClient, memory: GuestMemory) {
    this.client = client;
    this.memory = memory;
  }

  /** Map `length` bytes of memory at {@link GUEST_BASE}, every page touched. */
  static async plugIn(client: DeviceClient, length: number): Promise<Guest> {
    const memory = client.allocateMemory(length);
    const guest = new Guest(client, memory);
    try {
      guest.view(0, length).fill(1);
      await client.dmaMap({ address: GUEST_BASE, memory });
      return guest;
    } catch (error) {
      memory.close();
      throw error;
    }
  }

  /** Whether the device reaches it without messages. */
  get isShared(): boolean {
    return this.client.connection.capabilities.sharedMemory;
  }

  /** `offset` counts from {@link GUEST_BASE}. */
  view(offset: number, length: number): Uint8Array {
    const view = this.memory.view(offset, length);
    if (view === undefined) {
      throw new VfioUserError('VFU_UNSUPPORTED', 'guest memory cannot be looked at');
    }
    return view;
  }

  /** Also closes the client. */
  async close(): Promise<void> {
    await this.client.close();
    this.memory.close();
  }
}
