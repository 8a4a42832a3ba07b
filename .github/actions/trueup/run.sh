#!/usr/bin/env bash
# In: the inputs of action.yml as ACTION_… variables, and what GitHub Actions tells of the event. Out: one command of the project's own trueup,
# its plan in the job summary, `exit-code`, `changes` and `decision` as outputs. Ends with trueup's exit code.
set -euo pipefail

command=${ACTION_COMMAND:-plan}
case $command in
  plan | apply) ;;
  *)
    echo "trueup: the input command is plan or apply, not \"$command\"" >&2
    exit 64
    ;;
esac

# event a.b.c: that field of the event; nothing where it has none.
event() {
  [ -n "${GITHUB_EVENT_PATH:-}" ] || return 0
  node -e '
    const [, file, path] = process.argv
    const value = path.split(".").reduce((at, name) => at?.[name], JSON.parse(require("node:fs").readFileSync(file, "utf8")))
    if (value !== undefined && value !== null) console.log(String(value))
  ' "$GITHUB_EVENT_PATH" "$1"
}

# The commit that a pull request would be merged into. Of a merge commit that the runner checked out it is the first parent, which is there to be
# read also in a clone of depth 1; the event's base may have moved since.
pull_request_base() {
  local parents
  # To its end, however long the message is: git must not lose its reader.
  parents=$(git cat-file commit HEAD | sed -n '1,/^$/s/^parent //p')
  case ${GITHUB_REF:-} in
    refs/pull/*/merge)
      if [[ $parents == *$'\n'* ]]; then
        printf '%s\n' "${parents%%$'\n'*}"
        return
      fi
      ;;
  esac
  event pull_request.base.sha
}

base=${ACTION_BASE:-}
if [ -z "$base" ]; then
  case $command:${GITHUB_EVENT_NAME:-} in
    apply:*) base=last-applied ;;
    plan:pull_request | plan:pull_request_target) base=$(pull_request_base) ;;
    plan:merge_group) base=$(event merge_group.base_sha) ;;
  esac
fi

# A zone that is not trusted reads the trusted one and writes only its own. What enforces it are the credentials of the job: docs/ci.md.
# The event of a schedule does not name the default branch, but a schedule runs on no other.
zone=${ACTION_TRUST_ZONE:-main}
zones=(--trust-zone "$zone")
case ${GITHUB_EVENT_NAME:-} in
  pull_request | pull_request_target) zones=(--trust-zone "untrusted-pr-$(event pull_request.number)" --trust-zone-read "$zone") ;;
  merge_group) zones=(--trust-zone untrusted-merge-group --trust-zone-read "$zone") ;;
  *)
    default=$(event repository.default_branch)
    if [ -n "$default" ] && [ "${GITHUB_REF:-}" != "refs/heads/$default" ]; then
      zones=(--trust-zone untrusted-branch --trust-zone-read "$zone")
    fi
    ;;
esac

arguments=()
[ -z "$base" ] || [ "$base" = none ] || arguments+=(--base "$base")
[ -z "${ACTION_STORE:-}" ] || arguments+=(--store "$ACTION_STORE")
if [ "${ACTION_CACHE:-false}" = true ]; then
  arguments+=(--enable-extended-early-exit --ttl "${ACTION_TTL:-1h}" "${zones[@]}")
fi
# Words, as on a command line: quotes in an input are not looked at.
read -r -d '' -a targets <<<"${ACTION_TARGETS:-}" || true
read -r -d '' -a more <<<"${ACTION_ARGUMENTS:-}" || true

trueup=(npx --no-install trueup)
[ ! -x node_modules/.bin/trueup ] || trueup=(node_modules/.bin/trueup)

reports=$(mktemp -d)
trap 'rm -rf "$reports"' EXIT
code=0
# The longer form of an array: empty ones are errors to the bash of macOS.
"${trueup[@]}" "$command" ${targets[@]+"${targets[@]}"} ${arguments[@]+"${arguments[@]}"} ${more[@]+"${more[@]}"} \
  --report "markdown=$reports/summary.md" --report "json=$reports/run.json" || code=$?

if [ -n "${GITHUB_STEP_SUMMARY:-}" ] && [ -f "$reports/summary.md" ]; then
  cat "$reports/summary.md" >>"$GITHUB_STEP_SUMMARY"
fi
if [ -n "${GITHUB_OUTPUT:-}" ]; then
  {
    echo "exit-code=$code"
    [ ! -f "$reports/run.json" ] || node -e '
      const { runs } = JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8"))
      const plans = runs.filter(({ plan }) => plan !== null)
      const decisions = runs.map(({ decision }) => decision.action)
      console.log(`changes=${plans.length === 0 ? "" : plans.reduce((sum, { plan }) => sum + plan.changes.length, 0)}`)
      console.log(`decision=${["run", "none", "skip"].find((action) => decisions.includes(action)) ?? ""}`)
    ' "$reports/run.json"
  } >>"$GITHUB_OUTPUT"
fi
exit "$code"
