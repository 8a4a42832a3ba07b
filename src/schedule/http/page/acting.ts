// Forms of those who may act come in; what they ask for is done, where it is meant. Out: where the browser goes next, or why not.
import type { Answer } from '../answer.js'
import type { Asked, Route } from '../server.js'
import { parseDuration } from '../../../util/duration.js'
import type { HeldPartName } from './acts.js'
import { confirmMain, LONGEST_REASON, partFields, type ConfirmParts } from './forms.js'
import { createGate, seeOther, type GateOptions, type Sent } from './gate.js'
import { html } from './html.js'
import { targetPath } from './layout.js'
import { loginRoutes } from './login.js'

const LONGEST_HOLD_MS = 366 * 86_400_000

/** Said on the page that one comes back to. */
export const SAID: Readonly<Record<string, string>> = {
  run: 'It is due now, and runs as soon as there is a place.',
  hold: 'It is held.',
  release: 'The hold has ended.',
  'not-held': 'It was not held.',
  resolve: 'It is resolved.',
  settled: 'It had been settled meanwhile.',
}

export function actingRoutes(options: GateOptions): readonly Route[] {
  const { acts, shown } = options
  const gate = createGate(options)
  const { refuse, act } = gate

  /** For what is meant only when it is said twice. */
  const confirmed = (
    asked: Asked,
    { form, csrf }: Sent,
    parts: Omit<ConfirmParts, 'csrf' | 'action'>,
  ): Answer | undefined =>
    form.get('confirmed') === 'yes'
      ? undefined
      : shown(asked, { title: parts.title, main: confirmMain({ ...parts, csrf, action: asked.url.pathname }) })

  const named = ({ segments: { name = '' } }: Asked): string => name

  return [
    act('/targets/{name}/run', async (asked, sent) => {
      const name = named(asked)
      const back = targetPath(name)
      const what =
        'It becomes due at once. Whether it is applied or only planned is what the daemon and trueup.yaml say; limits, holds and leases count as ever.'
      const ask = confirmed(asked, sent, { title: `Run ${name} now?`, what, back, text: 'Run it now' })
      if (ask !== undefined) return ask
      if (!(await acts.run(name, sent.by))) return refuse(asked, 404, `There is no target ${name}.`)
      return seeOther(`${back}?said=run`)
    }),
    act('/targets/{name}/hold', async (asked, { form, by }) => {
      const target = named(asked)
      const forMs = parseDuration(form.get('for') ?? '')
      // It becomes part of one-line messages.
      const reason = (form.get('reason') ?? '').trim().replace(/\s+/g, ' ')
      if (forMs === undefined || forMs <= 0 || forMs > LONGEST_HOLD_MS)
        return refuse(asked, 400, 'How long is a duration such as 2h or 3d.')
      if (reason === '' || reason.length > LONGEST_REASON)
        return refuse(
          asked,
          400,
          `A hold needs a reason of at most ${String(LONGEST_REASON)} characters, for those whom it stops.`,
        )
      if (!(await acts.hold({ target, reason, forMs, by }))) return refuse(asked, 404, `There is no target ${target}.`)
      return seeOther(`${targetPath(target)}?said=hold`)
    }),
    act('/targets/{name}/release', async (asked, sent) => {
      const name = named(asked)
      const back = targetPath(name)
      const part = partOf(sent)
      if (part === 'unclear') return refuse(asked, 400, 'The hold of what? Say a shard or an object, and its key.')
      const ask = confirmed(asked, sent, {
        title: `End the hold of ${part === undefined ? name : `${part.kind} ${part.key} of ${name}`}?`,
        what:
          part === undefined
            ? 'Applies may go on at once, everywhere.'
            : 'Applies may change it again at once, everywhere, unless something else holds it too.',
        back,
        text: 'End the hold',
        ...(part === undefined ? {} : { fields: partFields(part) }),
      })
      if (ask !== undefined) return ask
      const ended = await acts.release({ target: name, ...(part === undefined ? {} : { part }), by: sent.by })
      return seeOther(`${back}?said=${ended ? 'release' : 'not-held'}`)
    }),
    act('/release', async (asked, sent) => {
      const what = 'Applies of all targets may go on at once, everywhere, but for those that have a hold of their own.'
      const ask = confirmed(asked, sent, {
        title: 'End the hold of all targets?',
        what,
        back: '/',
        text: 'End the hold',
      })
      return ask ?? seeOther(`/?said=${(await acts.release({ target: null, by: sent.by })) ? 'release' : 'not-held'}`)
    }),
    act('/doubts/{id}/resolve', async (asked, sent) => {
      const { id = '' } = asked.segments
      const as = sent.form.get('as')
      if (as !== 'done' && as !== 'absent') return refuse(asked, 400, 'Say what became of it: it has happened, or not.')
      const happened = as === 'done' ? 'has happened' : 'has not happened'
      const ask = confirmed(asked, sent, {
        title: `It ${happened}?`,
        what: `From now on it counts as one that ${happened}. A wrong answer loses a side effect, or repeats it.`,
        back: `/doubts/${encodeURIComponent(id)}`,
        text: `It ${happened}`,
        fields: html`<input type="hidden" name="as" value="${as}" />`,
      })
      return ask ?? seeOther(`/?said=${(await acts.resolve({ id, as, by: sent.by })) ? 'resolve' : 'settled'}`)
    }),
    ...loginRoutes(options, gate),
  ]
}

/** What alone of a target a form is about; undefined: the target as a whole. */
function partOf({ form }: Sent): HeldPartName | undefined | 'unclear' {
  const [kind, key] = [form.get('kind'), form.get('key')]
  if (kind === null && key === null) return undefined
  return (kind === 'shard' || kind === 'object') && key !== null && key !== '' ? { kind, key } : 'unclear'
}
