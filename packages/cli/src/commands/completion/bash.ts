import { type CommandModel, type CompletionModel, everyCommand, type Value } from './model.js';
import { indented, quoteForSh as quote } from './quote.js';

/**
 * A script for bash 4.4 and newer. bash cuts words at `:` and `=`, so the line is cut anew, and of
 * what completes a word only the part behind its last cut is given back.
 */
export function bashScript({ root, devices, uriStarts }: CompletionModel): string {
  const commands = [...everyCommand(root)];
  const steps = commands.flatMap(({ path, commands: below }) =>
    below.map(
      (child) =>
        `${quote(`${path.join(' ')}|${child.path.at(-1)}`)}) command=${quote(child.path.join(' '))} ;;`,
    ),
  );
  const words = commands.map(
    ({ path, commands: below }) =>
      `${quote(path.join(' '))}) words=${quote(below.map((child) => child.path.at(-1)).join(' '))} ;;`,
  );
  const options = commands.map(
    ({ path, options }) =>
      `${quote(path.join(' '))}) words=${quote(options.flatMap(({ names }) => names).join(' '))} ;;`,
  );
  const settings = devices.map(
    ({ name, settings }) =>
      `${quote(name)}) words=${quote(settings.map(({ key }) => `${key}=`).join(' '))} ;;`,
  );
  const settingKinds = devices.flatMap(({ name, settings }) =>
    settings.map(({ key, value }) => `${quote(`${name}|${key}`)}) kind=${kindOf(value)} ;;`),
  );
  return `# bash completion of vfio-user, made by \`vfio-user completion bash\`

# Sets kind: what follows an option, or stands at a place (#1, #2, ...), of a command.
_vfio_user_kind() {
  kind=
  case "$1|$2" in
${indented(commands.flatMap(kinds), 4)}
  esac
}

# Sets words: the names of a command's options.
_vfio_user_options() {
  words=
  case "$1" in
${indented(options, 4)}
  esac
}

# Sets words: the commands below a command.
_vfio_user_commands() {
  words=
  case "$1" in
${indented(words, 4)}
  esac
}

# Sets words: the keys of --set of a device.
_vfio_user_settings() {
  words=
  case "$1" in
${indented(settings, 4)}
  esac
}

# Sets kind: what a key of --set of a device may be.
_vfio_user_setting_kind() {
  kind=
  case "$1|$2" in
${indented(settingKinds, 4)}
  esac
}

# Sets COMPREPLY to what a value of a kind may be.
_vfio_user_values() {
  local kind=$1 value=$2 device=$3 words file front i
  local -a files
  case "$kind" in
    words:*) mapfile -t COMPREPLY < <(compgen -W "\${kind#words:}" -- "$value") ;;
    device) mapfile -t COMPREPLY < <(compgen -W ${quote(devices.map(({ name }) => name).join(' '))} -- "$value") ;;
    list:*)
      [[ $value == *,* ]] && front=\${value%,*},
      mapfile -t COMPREPLY < <(compgen -W "\${kind#list:}" -P "$front" -- "\${value##*,}")
      ;;
    setting)
      if [[ $value == *=* ]]; then
        front=\${value%%=*}
        _vfio_user_setting_kind "$device" "$front"
        _vfio_user_values "$kind" "\${value#*=}" "$device"
        for i in "\${!COMPREPLY[@]}"; do COMPREPLY[i]=$front=\${COMPREPLY[i]}; done
        return
      fi
      compopt -o nospace 2> /dev/null
      _vfio_user_settings "$device"
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$value")
      ;;
    uri)
      compopt -o nospace 2> /dev/null
      if [[ $value == unix://* ]]; then
        mapfile -t files < <(compgen -f -- "\${value#unix://}")
        for file in "\${files[@]}"; do
          [[ -d $file ]] && file+=/
          COMPREPLY+=("unix://$file")
        done
      else
        mapfile -t COMPREPLY < <(compgen -W ${quote(uriStarts.join(' '))} -- "$value")
      fi
      ;;
    file)
      compopt -o filenames 2> /dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$value")
      ;;
  esac
}

_vfio_user() {
  local line=\${COMP_LINE:0:COMP_POINT} command= device= option= kind= words= word current value
  local -i position=0 i last
  local -a line_words
  COMPREPLY=()
  read -ra line_words <<< "$line"
  [[ $line == *[[:space:]] ]] && line_words+=('')
  last=$((\${#line_words[@]} - 1))
  current=\${line_words[last]}
  for ((i = 1; i < last; i++)); do
    word=\${line_words[i]}
    if [[ -n $option ]]; then
      option=
    elif [[ $word == -* ]]; then
      _vfio_user_kind "$command" "$word"
      [[ -n $kind ]] && option=$word
    else
      case "$command|$word" in
${indented(steps, 8)}
        *)
          position+=1
          _vfio_user_kind "$command" "#$position"
          [[ $kind == device ]] && device=$word
          ;;
      esac
    fi
  done
  value=$current
  if [[ -n $option ]]; then
    _vfio_user_kind "$command" "$option"
  elif [[ $current == --*=* ]]; then
    _vfio_user_kind "$command" "\${current%%=*}"
    value=\${current#*=}
  elif [[ $current == -* ]]; then
    _vfio_user_options "$command"
    kind="words:$words"
  else
    _vfio_user_commands "$command"
    ((position == 0)) && [[ -n $words ]] && kind="words:$words" ||
      _vfio_user_kind "$command" "#$((position + 1))"
  fi
  _vfio_user_values "$kind" "$value" "$device"
  local front=\${current%"$value"} breaks= cut=
  [[ $COMP_WORDBREAKS == *:* ]] && breaks+=:
  [[ $COMP_WORDBREAKS == *=* ]] && breaks+='='
  [[ -n $breaks && $current == *[$breaks]* ]] && cut=\${current%"\${current##*[$breaks]}"}
  for i in "\${!COMPREPLY[@]}"; do
    word=$front\${COMPREPLY[i]}
    COMPREPLY[i]=\${word#"$cut"}
  done
}

complete -F _vfio_user vfio-user
`;
}

function kinds({ path, options, arguments: places }: CommandModel): string[] {
  const command = path.join(' ');
  return [
    ...options.flatMap(({ names, value }) =>
      value === undefined
        ? []
        : [
            `${names.map((name) => quote(`${command}|${name}`)).join(' | ')}) kind=${kindOf(value)} ;;`,
          ],
    ),
    ...places.map(({ variadic, value }, index) => {
      const place = variadic ? `${quote(`${command}|#`)}*` : quote(`${command}|#${index + 1}`);
      return `${place}) kind=${kindOf(value)} ;;`;
    }),
  ];
}

function kindOf(value: Value): string {
  return value.kind === 'words' || value.kind === 'list'
    ? quote(`${value.kind}:${value.words.join(' ')}`)
    : value.kind;
}
