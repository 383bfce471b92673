import { run } from '../src/index.js';

// What bin/vfio-user.js does, from the sources.
process.exitCode = await run(process.argv.slice(2));
