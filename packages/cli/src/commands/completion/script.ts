import type { CommandUnknownOpts } from '@commander-js/extra-typings';
import { TRANSPORT_NAMES, WORKLOAD_NAMES } from '@vfio-user/bench';
import { builtinDevices } from '@vfio-user/devices';
import { knownSchemes } from '../../registry.js';
import { settingsHelp } from '../serve/device-help.js';
import { bashScript } from './bash.js';
import { fishScript } from './fish.js';
import { type CompletionModel, commandModel, settingModel } from './model.js';
import { zshScript } from './zsh.js';

/** Shells with a completion script. */
export type Shell = 'bash' | 'zsh' | 'fish';

const SCRIPTS: Readonly<Record<Shell, (model: CompletionModel) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** The script for a shell, made of what the program knows. */
export function completionScript(shell: Shell, program: CommandUnknownOpts): string {
  return SCRIPTS[shell]({
    root: commandModel(program, {
      '--tests': WORKLOAD_NAMES,
      '--transport': TRANSPORT_NAMES,
    }),
    devices: Array.from(builtinDevices.values(), (definition) => ({
      name: definition.name,
      summary: definition.summary,
      settings: settingsHelp(definition).map(settingModel),
    })),
    uriStarts: knownSchemes.map((scheme) => (scheme === 'fd' ? 'fd:' : `${scheme}://`)),
  });
}
