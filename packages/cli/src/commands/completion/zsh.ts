import {
  type CommandModel,
  type CompletionModel,
  everyCommand,
  type OptionModel,
  type Value,
} from './model.js';
import { indented, quoteForSh as quote } from './quote.js';

/** A script for zsh, to be sourced or put into a folder of `$fpath` as `_vfio-user`. */
export function zshScript({ root, devices, uriStarts }: CompletionModel): string {
  const described = devices.map(({ name, summary }) => quote(`${name}:${summary}`));
  const settings = devices.map(
    ({ name, settings }) =>
      `${quote(name)}) device=$word keys=(${settings.map(({ key }) => quote(key)).join(' ')}) ;;`,
  );
  const values = devices.flatMap(({ name, settings }) =>
    settings.flatMap(({ key, value }) => {
      const place = quote(`${name}|${key}`);
      if (value.kind === 'file') return [`${place}) _files ;;`];
      if (value.kind !== 'words') return [];
      return [`${place}) compadd -- ${value.words.map(quote).join(' ')} ;;`];
    }),
  );
  return `#compdef vfio-user
# zsh completion of vfio-user, made by \`vfio-user completion zsh\`

_vfio_user_uri() {
  if compset -P 'unix://'; then
    _files
  else
    compadd -S '' -- ${uriStarts.map(quote).join(' ')}
  fi
}

_vfio_user_device() {
  local -a devices=(${described.join(' ')})
  _describe device devices
}

_vfio_user_setting() {
  local word device key=\${PREFIX%%=*}
  local -a keys
  for word in $words; do
    case $word in
${indented(settings, 6)}
    esac
  done
  if compset -P '*='; then
    case "$device|$key" in
${indented(values, 6)}
    esac
  else
    compadd -S '=' -- $keys
  fi
}

${[...everyCommand(root)].map(functionOf).join('\n\n')}

if [[ $funcstack[1] == _vfio-user ]]; then
  _vfio_user "$@"
else
  compdef _vfio_user vfio-user
fi
`;
}

function nameOf(path: readonly string[]): string {
  return ['_vfio_user', ...path].join('__');
}

function functionOf({ path, options, arguments: places, commands }: CommandModel): string {
  const specs = options.map(optionSpec);
  if (commands.length === 0) {
    for (const { name, variadic, value } of places) {
      specs.push(quote(`${variadic ? '*' : ''}:${escaped(name)}:${actionOf(value)}`));
    }
    return `${nameOf(path)}() {
  _arguments -s ${specs.join(' \\\n    ')}
}`;
  }
  specs.push(quote('1:command:->command'), quote('*::argument:->argument'));
  const described = commands.map(({ path, summary }) => quote(`${path.at(-1)}:${summary}`));
  const below = commands.map(({ path }) => `${path.at(-1)}) ${nameOf(path)} ;;`);
  return `${nameOf(path)}() {
  local context state state_descr line
  typeset -A opt_args
  _arguments -s -C ${specs.join(' \\\n    ')}
  case $state in
    command)
      local -a commands=(${described.join(' ')})
      _describe command commands
      ;;
    argument)
      case $words[1] in
${indented(below, 8)}
      esac
      ;;
  esac
}`;
}

function optionSpec({ names, description, value, repeatable }: OptionModel): string {
  const argument = value === undefined ? '' : `:value:${actionOf(value)}`;
  const explained = quote(`[${escaped(description)}]${argument}`);
  // With `=` the value may follow in the same word, too.
  const takes = names.map((name) =>
    value !== undefined && name.startsWith('--') ? `${name}=` : name,
  );
  const [only] = takes;
  if (takes.length === 1) return `${repeatable ? "'*'" : ''}${only}${explained}`;
  const excluded = repeatable ? '*' : `(${names.join(' ')})`;
  return `${quote(excluded)}{${takes.join(',')}}${explained}`;
}

function actionOf(value: Value): string {
  switch (value.kind) {
    case 'words':
      return `(${value.words.join(' ')})`;
    case 'list':
      return `_sequence compadd - ${value.words.join(' ')}`;
    case 'uri':
      return '_vfio_user_uri';
    case 'device':
      return '_vfio_user_device';
    case 'setting':
      return '_vfio_user_setting';
    case 'file':
      return '_files';
    case 'other':
      return ' ';
  }
}

/** What ends a part of a specification of \`_arguments\`. */
function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, '\\$&');
}
