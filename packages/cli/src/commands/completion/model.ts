import type { Argument, CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { SettingHelp } from '../serve/device-help.js';

/** What a value is: words to choose from, or something that a shell finds out. */
export type Value =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  /** Words separated by commas. */
  | { readonly kind: 'list'; readonly words: readonly string[] }
  | { readonly kind: 'uri' | 'file' | 'device' | 'setting' | 'other' };

export interface OptionModel {
  /** With their dashes. */
  readonly names: readonly string[];
  readonly description: string;
  /** Absent for a switch. */
  readonly value: Value | undefined;
  readonly repeatable: boolean;
}

export interface ArgumentModel {
  readonly name: string;
  readonly variadic: boolean;
  readonly value: Value;
}

/** A command as a shell completes it. */
export interface CommandModel {
  /** The words that lead to it, without the program's name. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly options: readonly OptionModel[];
  readonly arguments: readonly ArgumentModel[];
  readonly commands: readonly CommandModel[];
}

/** A key of `--set`, and what it may be set to. */
export interface SettingModel {
  readonly key: string;
  readonly value: Value;
}

/** A device that can be served, and the keys of `--set`. */
export interface DeviceModel {
  readonly name: string;
  readonly summary: string;
  readonly settings: readonly SettingModel[];
}

/** All that a script completes. */
export interface CompletionModel {
  readonly root: CommandModel;
  readonly devices: readonly DeviceModel[];
  /** Beginnings of URIs, one for each scheme. */
  readonly uriStarts: readonly string[];
}

/** What a placeholder in the help says about the value that stands there. */
const KINDS: Readonly<Record<string, Exclude<Value['kind'], 'words' | 'list'>>> = {
  uri: 'uri',
  file: 'file',
  files: 'file',
  path: 'file',
  device: 'device',
  'key=value': 'setting',
};

/** The words of options that take several, by name of the option. */
export type Lists = Readonly<Record<string, readonly string[]>>;

/** Read a command and all below it. */
export function commandModel(
  command: CommandUnknownOpts,
  lists: Lists = {},
  path: readonly string[] = [],
): CommandModel {
  const help = command.createHelp();
  const children = help.visibleCommands(command) as CommandUnknownOpts[];
  const siblings = children.map((child) => child.name());
  return {
    path,
    summary: command.summary() || command.description(),
    options: (help.visibleOptions(command) as Option[]).map((option) => optionModel(option, lists)),
    arguments: (command.registeredArguments as readonly Argument[]).map((argument) => ({
      name: argument.name(),
      variadic: argument.variadic,
      value: valueFor(argument.name(), argument.argChoices),
    })),
    commands: children.map((child) => {
      const model = commandModel(child, lists, [...path, child.name()]);
      return child.name() === 'help' ? helpModel(model, siblings) : model;
    }),
  };
}

function optionModel(option: Option, lists: Lists): OptionModel {
  const { short, long, flags, description, defaultValue, argChoices } = option;
  const takesValue = option.required || option.optional;
  const [, placeholder = ''] = /[<[](.+?)(?:\.\.\.)?[>\]]/.exec(flags) ?? [];
  return {
    names: [short, long].filter((name) => name !== undefined),
    description,
    value: takesValue
      ? (listFor(lists[long ?? '']) ?? valueFor(placeholder, argChoices))
      : undefined,
    repeatable: Array.isArray(defaultValue) || (option.parseArg !== undefined && !takesValue),
  };
}

function listFor(words: readonly string[] | undefined): Value | undefined {
  return words && { kind: 'list', words };
}

/** What a setting is: those named `file` are. */
export function settingModel({ key, values }: SettingHelp): SettingModel {
  if (values !== undefined) return { key, value: { kind: 'words', words: values } };
  return { key, value: { kind: key === 'file' ? 'file' : 'other' } };
}

function valueFor(placeholder: string, choices: readonly string[] | undefined): Value {
  if (choices !== undefined) return { kind: 'words', words: choices };
  return { kind: KINDS[placeholder] ?? 'other' };
}

/** `help` is commander's own: its argument is one of the commands beside it. */
function helpModel(model: CommandModel, siblings: readonly string[]): CommandModel {
  const words = siblings.filter((name) => name !== 'help');
  return {
    ...model,
    arguments: [{ name: 'command', variadic: false, value: { kind: 'words', words } }],
  };
}

/** A command and all below it, in the order of the help. */
export function* everyCommand(model: CommandModel): Iterable<CommandModel> {
  yield model;
  for (const child of model.commands) yield* everyCommand(child);
}
