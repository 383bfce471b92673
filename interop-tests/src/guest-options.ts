// What a test can ask of a guest.

/** A PCI device of the guest: one of ours by its socket, or (to try the rig out) any of QEMU's own by `driver`. */
export interface GuestDevice {
  /** The server's socket as the host sees it; must lie in a `SocketFolder`. */
  readonly socketPath?: string;
  /** QEMU's name for the device, needed to unplug it. */
  readonly id?: string;
  /** Puts the device behind a pcie-root-port with this id (PCI Express, FLR, hot-plug); else it sits on the root bus. */
  readonly rootPort?: string;
  /** QEMU's device name, default `vfio-user-pci`. */
  readonly driver?: string;
  /** More properties, for example `{ 'x-no-posted-writes': true }`. */
  readonly properties?: Readonly<Record<string, unknown>>;
}

export interface GuestOptions {
  /** `shared`: a memfd whose descriptor QEMU sends to the device. `anonymous`: no descriptor, DMA by message. */
  readonly memory?: 'shared' | 'anonymous';
  /** Default 512. */
  readonly memoryMiB?: number;
  /** Number of guest processors, default 1. */
  readonly smp?: number;
  /**
   * `instructions`: the guest's time passes with what it executes, an instruction a nanosecond, so that durations do not
   * depend on what else the host does. Processors take turns then: use one.
   */
  readonly clock?: 'host' | 'instructions';
  readonly devices?: readonly GuestDevice[];
  /** Guest test scripts (guest/tests) to run at every boot, before `end`. */
  readonly testScripts?: readonly string[];
  /** Default `commands`: the guest waits for `run`, `reboot` and `poweroff`. */
  readonly end?: 'commands' | 'poweroff' | 'shell';
  readonly kernelArguments?: readonly string[];
  /** More QEMU arguments, placed before the devices. */
  readonly qemuArguments?: readonly string[];
  /** Bound of each single wait (boot, one test script, one reboot), default 180000. */
  readonly timeoutMs?: number;
  /** Gets every console line as it arrives. */
  readonly onLine?: (line: string) => void;
}
