// A secret value comes in, the texts that would give it away go out: itself, its lines, its encodings. Pure.
// Must not: keep anything, or judge where a text is shown.

/** Shorter texts occur everywhere by chance: they are hidden only where they stand alone. */
export const MIN_LENGTH = 6

export interface SecretForms {
  /** Texts to be hidden wherever they occur; each has {@link MIN_LENGTH} characters or more. */
  readonly needles: ReadonlySet<string>
  /** Texts to be hidden only where a whole text equals them. */
  readonly whole: readonly string[]
  /** The value as plain lines, for a CI runner that hides texts by itself; none of them is short. */
  readonly lines: readonly string[]
}

/**
 * Of a URL with a password only the password counts, and a URL that names nothing but a server is no secret. A value of several lines counts
 * line by line, a JSON object also text by text.
 */
export function secretForms(value: string): SecretForms {
  const parts = partsOf(value)
  const lines = [...new Set(parts.flatMap((part) => linesOf(part)))].filter((line) => line.length >= MIN_LENGTH)
  const needles = new Set<string>()
  for (const part of [...parts.filter((it) => it.length >= MIN_LENGTH), ...lines])
    for (const form of encodingsOf(part)) if (form.length >= MIN_LENGTH) needles.add(form)
  const url = urlPassword(value)
  if (url !== undefined) for (const text of url.around) if (text.length >= MIN_LENGTH) needles.add(text)
  const own = url === undefined ? [value, value.trim()] : [url.raw, url.plain]
  const whole = [...new Set(own)].filter((text) => text !== '' && text.length < MIN_LENGTH)
  return { needles, whole, lines }
}

function partsOf(value: string): readonly string[] {
  const url = urlPassword(value)
  if (url !== undefined) return [...new Set([url.raw, url.plain])]
  if (isServerOnly(value)) return []
  return [...new Set([value, value.trim(), ...jsonTexts(value)])]
}

interface UrlPassword {
  /** As it stands in the URL. */
  readonly raw: string
  /** Decoded. */
  readonly plain: string
  /** Texts that show a short password for what it is. */
  readonly around: readonly string[]
}

/** By hand, since a URL of several hosts (a database's) is none to the platform. */
function urlPassword(value: string): UrlPassword | undefined {
  const authority = /^\s*[a-z][a-z0-9+.-]*:\/\/([^/?#\s]*)@([^/?#\s]*)/i.exec(value)
  const [, user = '', host = ''] = authority ?? []
  const colon = user.indexOf(':')
  const raw = colon === -1 ? '' : user.slice(colon + 1)
  if (raw === '') return undefined
  const around = raw.length < MIN_LENGTH ? [`:${raw}@${host}`] : []
  return { raw, plain: decoded(raw), around }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** `https://api.example.com`; with a path or a query it may be a web hook, whose path is the secret. */
function isServerOnly(value: string): boolean {
  return /^\s*[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+\/?\s*$/i.test(value)
}

/** Texts inside of a JSON object or list that was read whole: its reader will take them out. */
function jsonTexts(value: string): readonly string[] {
  if (!/^\s*[{[]/.test(value)) return []
  let parsed: unknown
  try {
    parsed = JSON.parse(value)
  } catch {
    return []
  }
  const texts: string[] = []
  const open: unknown[] = [parsed]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next === 'string') texts.push(...partsOf(next))
    else if (typeof next === 'object' && next !== null) open.push(...(Object.values(next) as unknown[]))
  }
  return texts
}

function linesOf(value: string): readonly string[] {
  // The frame of a key says what kind it is, nothing more.
  return value
    .split(/\r\n|[\r\n]/)
    .map((line) => line.trim())
    .filter((line) => !/^-----(BEGIN|END) [A-Z0-9 ]+-----$/.test(line))
}

function encodingsOf(text: string): readonly string[] {
  const bytes = Buffer.from(text, 'utf8')
  // Half a surrogate pair cannot be encoded; this is what became of it in the bytes.
  const whole = bytes.toString('utf8')
  const hex = bytes.toString('hex')
  const percent = encodeURIComponent(whole)
  const json = JSON.stringify(text).slice(1, -1)
  return [
    text,
    ...base64Forms(bytes),
    percent,
    lowerPercent(percent),
    percent.replace(/[!'()*]/g, (it) => `%${it.charCodeAt(0).toString(16).toUpperCase()}`),
    encodeURI(whole),
    new URLSearchParams([['', whole]]).toString().slice(1),
    inUserinfo(whole),
    json,
    json.replaceAll('/', '\\/'),
    asciiJson(json, false),
    asciiJson(json, true),
    hex,
    hex.toUpperCase(),
  ]
}

function base64Forms(bytes: Buffer): readonly string[] {
  const aligned = bytes.toString('base64')
  const forms = [aligned, aligned.replace(/=+$/, '')]
  // Tools break long ones into lines.
  if (aligned.length > 64) forms.push(...chunks(aligned, 64), ...chunks(aligned, 76))
  // Inside of other bytes, as in `user:password`, it is shifted: characters that hold nothing but its bits.
  for (const before of [0, 1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    const from = Math.ceil((before * 8) / 6)
    const to = Math.floor(((before + bytes.length) * 8) / 6)
    forms.push(shifted.slice(from, to))
  }
  return forms.flatMap((form) => [form, form.replaceAll('+', '-').replaceAll('/', '_')])
}

function chunks(text: string, size: number): string[] {
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  )
}

function lowerPercent(text: string): string {
  return text.replace(/%[0-9A-F]{2}/g, (it) => it.toLowerCase())
}

function inUserinfo(text: string): string {
  const url = new URL('https://host.invalid')
  url.password = text
  return url.password
}

function asciiJson(json: string, upper: boolean): string {
  return json.replace(/[\u007f-\uffff]/g, (it) => {
    const hex = it.charCodeAt(0).toString(16).padStart(4, '0')
    return `\\u${upper ? hex.toUpperCase() : hex}`
  })
}
