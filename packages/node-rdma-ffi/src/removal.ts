import { existsSync, type FSWatcher, readdirSync, readFileSync, watch } from 'node:fs';

const NODES = '/dev/infiniband';
const CLASS = '/sys/class/infiniband_verbs';

/**
 * Calls `onRemoved` once when the kernel removes the device. A driver that cannot do so while a
 * process has it open (`rdma_rxe`) waits for that process without sending it an event, but the
 * device's node is gone by then. Does not keep the process alive. Does nothing where there are no
 * nodes to watch, as in some containers.
 */
export function watchRemoval(device: string, onRemoved: () => void): { close(): void } {
  let watcher: FSWatcher | undefined;
  const close = (): void => watcher?.close();
  const node = nodeOf(device);
  if (node === undefined) return { close };
  const look = (): void => {
    if (existsSync(node)) return;
    close();
    onRemoved();
  };
  try {
    watcher = watch(NODES, { persistent: false }, look).on('error', close);
  } catch {
    // The system's limit on such watches is reached.
  }
  return { close };
}

/** `/dev/infiniband/uverbs0`, if it is there. */
function nodeOf(device: string): string | undefined {
  try {
    const name = readdirSync(CLASS).find((name) => isNodeOf(device, name));
    const path = `${NODES}/${name}`;
    return name !== undefined && existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

function isNodeOf(device: string, name: string): boolean {
  return (
    name.startsWith('uverbs') && readFileSync(`${CLASS}/${name}/ibdev`, 'utf8').trim() === device
  );
}
