# bash completion for registry-job. Debian's package bash-completion loads it by the name of the
# command, from /usr/share/bash-completion/completions/registry-job.
# shellcheck shell=bash disable=SC2207  # words without blanks

# Whoever types waits for nothing longer than that, and is told of no error.
_registry_job_run() {
  timeout 2 "$1" ${2:+--config "$2"} "${@:3}" 2>/dev/null </dev/null
}

# Lines that begin with what is typed, as candidates: a name may have blanks.
_registry_job_lines() {
  local line current=$1
  while IFS= read -r line; do
    case $line in
      "$current"*) COMPREPLY+=("$(printf %q "$line")") ;;
    esac
  done
}

# What is typed, without the quoting of this script's own candidates.
_registry_job_unquoted() {
  local text=${1//\\/}
  text=${text#[\"\']}
  printf %s "$text"
}

# What follows -j and --model: the models that daemons provide, or those of this host's configuration.
_registry_job_models() {
  _registry_job_run "$1" "$2" complete models | grep . ||
    _registry_job_run "$1" "$2" plugins |
    sed -n 's/^\([A-Za-z][A-Za-z0-9_]*\.[A-Za-z0-9_]*\)  .*/\1/p'
}

# The parameters of one model, as they are typed: "name=".
_registry_job_parameters() {
  _registry_job_run "$1" "$2" plugins |
    sed -n "/^$3  /,/^[^ ]/s/^    \([^ ]*\)  *[a-z].*/\1=/p"
}

_registry_job() {
  local verbs='list show history log watch top cancel retry why settle hold release queue plugins status metrics doctor schedule schema complete'
  local statuses='queued assigned complete failed canceled Q A GO OK X CX'
  local actions='install upgrade check adopt remove roles'
  local options='--co --co_id --coid --job --run --synchronous --max --parallel --quiet --verbose --help
    --config --json --version --allow-duplicate --once --requeue-always --delay --requeue-interval --retry-interval
    --max-retry --actor --status --model --plugin --text --since --until --person --limit --before
    --failed --dry-run --yes --reason --interval
    --force --output --label --parameter-file --migrate --root'
  local current=${COMP_WORDS[COMP_CWORD]} previous='' config='' model='' verb='' before i

  COMPREPLY=()
  [ "$COMP_CWORD" -gt 0 ] && previous=${COMP_WORDS[COMP_CWORD - 1]}
  # bash breaks words at "=": the value of --status=failed follows an "=".
  if [ "$current" = = ]; then
    current=
  elif [ "$previous" = = ] && [ "$COMP_CWORD" -gt 1 ]; then
    previous=${COMP_WORDS[COMP_CWORD - 2]}
  fi

  before=
  for ((i = 1; i < COMP_CWORD; i++)); do
    [ "${COMP_WORDS[i]}" = = ] && continue
    case $before in
      --config) config=${COMP_WORDS[i]} ;;
      -j | --job) model=${COMP_WORDS[i]} ;;
      -c | --co | --co_id | --coid | -m | --max | -p | --parallel | --once | --delay | --requeue-interval | \
        --retry-interval | --max-retry | --actor | --status | --model | --plugin | --text | --since | --until | --reason | --interval | --person | --limit | --before | \
        --output | --label | --parameter-file | --root) ;;
      *)
        case ${COMP_WORDS[i]} in
          -*) ;;
          *) [ -n "$verb" ] || verb=${COMP_WORDS[i]} ;;
        esac
        ;;
    esac
    before=${COMP_WORDS[i]}
  done

  # "--parameter-file NAME=FILE" is three words: the file follows the second "=" or the name.
  if [ "$COMP_CWORD" -gt 2 ] && [ "${COMP_WORDS[COMP_CWORD - 2]}" = --parameter-file ] &&
    [ "${COMP_WORDS[COMP_CWORD]}" = = ]; then
    previous=--parameter-file-value
  elif [ "$COMP_CWORD" -gt 3 ] && [ "${COMP_WORDS[COMP_CWORD - 3]}" = --parameter-file ] &&
    [ "${COMP_WORDS[COMP_CWORD - 1]}" = = ]; then
    previous=--parameter-file-value
  fi

  case $previous in
    --parameter-file)
      [ -z "$model" ] ||
        COMPREPLY=($(compgen -W "$(_registry_job_parameters "${COMP_WORDS[0]}" "$config" "$model")" -- "$current"))
      compopt -o nospace 2>/dev/null
      return
      ;;
    --parameter-file-value)
      COMPREPLY=($(compgen -f -- "$current"))
      compopt -o filenames 2>/dev/null
      return
      ;;
    --config)
      COMPREPLY=($(compgen -f -X '!*.conf' -- "$current") $(compgen -d -S / -- "$current"))
      compopt -o nospace 2>/dev/null
      return
      ;;
    -j | --job | --model | --plugin)
      COMPREPLY=($(compgen -W "$(_registry_job_models "${COMP_WORDS[0]}" "$config")" -- "$current"))
      return
      ;;
    --status)
      # A list: what stands before the last comma stays.
      local list=
      case $current in *,*) list=${current%,*}, ;; esac
      COMPREPLY=($(compgen -P "$list" -W "$statuses" -- "${current##*,}"))
      return
      ;;
    -c | --co | --co_id | --coid)
      COMPREPLY=($(compgen -W all -- "$current"))
      _registry_job_lines "$(_registry_job_unquoted "$current")" \
        < <(_registry_job_run "${COMP_WORDS[0]}" "$config" complete cos)
      return
      ;;
    --root)
      COMPREPLY=($(compgen -d -- "$current"))
      compopt -o filenames 2>/dev/null
      return
      ;;
    --output)
      COMPREPLY=($(compgen -f -X '!*.prom' -- "$current") $(compgen -d -S / -- "$current"))
      compopt -o nospace 2>/dev/null
      return
      ;;
    -m | --max | -p | --parallel | --once | --delay | --requeue-interval | --retry-interval | --max-retry | \
      --actor | --text | --since | --until | --reason | --interval | --person | --limit | --before | --label)
      return
      ;;
  esac

  case $current in
    -*)
      COMPREPLY=($(compgen -W "$options -c -j -r -s -m -p -q -v -h" -- "$current"))
      return
      ;;
  esac
  if [ -n "$model" ]; then
    COMPREPLY=($(compgen -W "$(_registry_job_parameters "${COMP_WORDS[0]}" "$config" "$model")" -- "$current"))
    compopt -o nospace 2>/dev/null
  elif [ "$verb" = schema ]; then
    COMPREPLY=($(compgen -W "$actions" -- "$current"))
  elif [ "$verb" = complete ]; then
    COMPREPLY=($(compgen -W 'jobs cos models' -- "$current"))
  elif [ -n "$verb" ]; then
    case $verb in
      show | history | log | watch | cancel | retry | why | settle)
        _registry_job_lines "$current" \
          < <(_registry_job_run "${COMP_WORDS[0]}" "$config" complete jobs "$verb")
        ;;
    esac
  else
    COMPREPLY=($(compgen -W "$verbs" -- "$current"))
  fi
}
complete -F _registry_job registry-job
