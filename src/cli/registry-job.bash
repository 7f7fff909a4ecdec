# bash completion for registry-job. Debian's package bash-completion loads it by the name of the
# command, from /usr/share/bash-completion/completions/registry-job.
# shellcheck shell=bash disable=SC2207  # words without blanks

# What follows -j and --plugin: the models that this host's configuration provides.
_registry_job_models() {
  "$1" ${2:+--config "$2"} plugins 2>/dev/null | sed -n 's/^\([A-Za-z][A-Za-z0-9_]*\.[A-Za-z0-9_]*\)  .*/\1/p'
}

# The parameters of one model, as they are typed: "name=".
_registry_job_parameters() {
  "$1" ${2:+--config "$2"} plugins 2>/dev/null |
    sed -n "/^$3  /,/^[^ ]/s/^    \([^ ]*\)  *[a-z].*/\1=/p"
}

_registry_job() {
  local verbs='list show history watch cancel retry why settle queue plugins status metrics doctor schema'
  local statuses='queued assigned complete failed canceled Q A GO OK X CX'
  local actions='install upgrade check remove roles'
  local options='--co_id --coid --job --run --synchronous --max --parallel --quiet --verbose --help
    --config --json --version --allow-duplicate --delay --requeue-interval --retry-interval
    --max-retry --actor --status --plugin --limit --before --force --output --label'
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
      -c | --co_id | --coid | -m | --max | -p | --parallel | --delay | --requeue-interval | \
        --retry-interval | --max-retry | --actor | --status | --plugin | --limit | --before | \
        --output | --label) ;;
      *)
        case ${COMP_WORDS[i]} in
          -*) ;;
          *) [ -n "$verb" ] || verb=${COMP_WORDS[i]} ;;
        esac
        ;;
    esac
    before=${COMP_WORDS[i]}
  done

  case $previous in
    --config)
      COMPREPLY=($(compgen -f -X '!*.conf' -- "$current") $(compgen -d -S / -- "$current"))
      compopt -o nospace 2>/dev/null
      return
      ;;
    -j | --job | --plugin)
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
    -c | --co_id | --coid)
      COMPREPLY=($(compgen -W all -- "$current"))
      return
      ;;
    --output)
      COMPREPLY=($(compgen -f -X '!*.prom' -- "$current") $(compgen -d -S / -- "$current"))
      compopt -o nospace 2>/dev/null
      return
      ;;
    -m | --max | -p | --parallel | --delay | --requeue-interval | --retry-interval | --max-retry | \
      --actor | --limit | --before | --label)
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
  elif [ -z "$verb" ]; then
    COMPREPLY=($(compgen -W "$verbs" -- "$current"))
  fi
}
complete -F _registry_job registry-job
