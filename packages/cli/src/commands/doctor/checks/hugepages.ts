import { type Finding, found, missing } from '../finding.js';
import { listFolder, readText } from '../read-system.js';

const FOLDER = '/sys/kernel/mm/hugepages';

/** Reserved huge pages: guest memory made of them has fewer and larger mappings. */
export function checkHugepages(): Finding[] {
  const reserved = listFolder(FOLDER).flatMap((size) => {
    const count = Number(readText(`${FOLDER}/${size}/nr_hugepages`) ?? 0);
    const free = readText(`${FOLDER}/${size}/free_hugepages`) ?? '?';
    return count > 0 ? [`${count} of ${size.replace('hugepages-', '')} (${free} free)`] : [];
  });
  if (reserved.length > 0) return [found('hugepages', reserved.join(', '))];
  const advice = 'optional, for large guests: sysctl vm.nr_hugepages=512 reserves 1 GiB';
  return [missing('hugepages', 'none reserved', advice)];
}
