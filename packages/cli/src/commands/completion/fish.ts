import {
  type CommandModel,
  type CompletionModel,
  everyCommand,
  type OptionModel,
  type SettingModel,
  type Value,
} from './model.js';
import { indented, quoteForFish as quote } from './quote.js';

/** A script for fish 3.1 and newer. */
export function fishScript({ root, devices, uriStarts }: CompletionModel): string {
  const commands = [...everyCommand(root)];
  const paths = commands.map(({ path }) => quote(path.join(' '))).slice(1);
  const names = devices.map(({ name }) => quote(name)).join(' ');
  const settings = devices.map(
    ({ name, settings }) =>
      `case ${quote(name)}\n${' '.repeat(16)}printf '%s\\n' ${settings.flatMap(offersOf).map(quote).join(' ')}`,
  );
  return `# fish completion of vfio-user, made by \`vfio-user completion fish\`

# Which command the words so far lead to.
function __vfio_user_at
    set -l path
    for word in (commandline -opc)[2..]
        string match -q -- '-*' $word; and continue
        contains -- (string join ' ' -- $path $word) ${paths.join(' ')}; and set -a path $word
    end
    test "$path" = "$argv"
end

function __vfio_user_uris
    set -l token (commandline -ct)
    set -l path (string replace -r '^(--[^=]*=)?unix://' '' -- $token)
    if test "$path" != "$token"
        for file in $path*
            test -d $file; and set file $file/
            echo unix://$file
        end
    else
        printf '%s\\n' ${uriStarts.map(quote).join(' ')}
    end
end

function __vfio_user_devices
${indented(
  devices.map(({ name, summary }) => `printf '%s\\t%s\\n' ${quote(name)} ${quote(summary)}`),
  4,
)}
end

function __vfio_user_settings
    for word in (commandline -opc)
        switch $word
${indented(settings, 12)}
        end
    end
    set -l path (string match -r -- '^(?:--set=)?file=(.*)' (commandline -ct))[2]
    for file in $path*
        test -n "$path"; and echo file=$file
    end
end

# Words separated by commas.
function __vfio_user_list
    set -l front (string match -r -- '^(?:--[^=]*=)?(.*,)' (commandline -ct))[2]
    printf '%s\\n' "$front"$argv
end

complete -c vfio-user -f
${commands.flatMap((command) => linesOf(command, names)).join('\n')}
`;
}

function linesOf(command: CommandModel, devices: string): string[] {
  const at = `__vfio_user_at ${command.path.join(' ')}`.trimEnd();
  const line = (condition: string, rest: string): string =>
    `complete -c vfio-user -n ${quote(condition)} ${rest}`;
  return [
    ...command.commands.map(({ path, summary }) =>
      line(at, `-a ${path.at(-1)} -d ${quote(summary)}`),
    ),
    ...command.options.map((option) => line(at, optionOf(option))),
    ...command.arguments.flatMap(({ value }) => {
      const given = `; and not __fish_seen_subcommand_from ${devices.replaceAll("'", '')}`;
      const condition = value.kind === 'device' ? `${at}${given}` : at;
      const rest = candidates(value);
      return rest === '' ? [] : [line(condition, rest)];
    }),
  ];
}

function optionOf({ names, description, value }: OptionModel): string {
  const flags = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  );
  const argument =
    value === undefined ? [] : [value.kind === 'file' ? '-r' : '-x', candidates(value)];
  return [...flags, ...argument.filter(Boolean), '-d', quote(description)].join(' ');
}

function offersOf({ key, value }: SettingModel): string[] {
  return value.kind === 'words' ? value.words.map((word) => `${key}=${word}`) : [`${key}=`];
}

function candidates(value: Value): string {
  switch (value.kind) {
    case 'words':
      return `-a ${quote(value.words.join(' '))}`;
    case 'list':
      return `-a ${quote(`(__vfio_user_list ${value.words.join(' ')})`)}`;
    case 'uri':
      return "-a '(__vfio_user_uris)'";
    case 'device':
      return "-a '(__vfio_user_devices)'";
    case 'setting':
      return "-a '(__vfio_user_settings)'";
    case 'file':
      return '-F';
    case 'other':
      return '';
  }
}
