// A password comes in, the text that PostgreSQL computes SCRAM from goes out: SASLprep (RFC 4013), with the server's own reading of it.
import { TrueupError } from 'trueup'

/**
 * What SASLprep does not allow is taken as it is. The server looks for that before it normalises, the RFC afterwards; where that makes a
 * difference, clients that follow the one or the other would send different things.
 *
 * @throws TrueupError `apply-failed` for such a mixture of writing directions
 */
export async function saslPrepare(password: string): Promise<string> {
  if (/^\p{ASCII}*$/u.test(password)) return password
  if (HIDDEN_BY_NORMALISING.test(password)) return password
  refuseChangeOfDirection(password)
  const { saslprep } = await import('@mongodb-js/saslprep')
  try {
    return saslprep(password)
  } catch {
    return password
  }
}

/**
 * Characters that the RFC forbids (unassigned in Unicode 3.2, or deprecated) and whose normal form it allows: after normalising nobody could
 * see them any more.
 */
const HIDDEN_BY_NORMALISING =
  /[\u{340}-\u{341}\u{3f9}\u{10fc}\u{1d2c}-\u{1d2e}\u{1d30}-\u{1d3a}\u{1d3c}-\u{1d4d}\u{1d4f}-\u{1d6a}\u{1d78}\u{1d9b}-\u{1dbf}\u{2090}-\u{209c}\u{213b}-\u{213c}\u{2150}-\u{2152}\u{2189}\u{2c7c}-\u{2c7d}\u{2d6f}\u{321d}-\u{321e}\u{3244}-\u{3247}\u{3250}\u{327c}-\u{327e}\u{32cc}-\u{32cf}\u{32ff}\u{3377}-\u{337a}\u{33de}-\u{33df}\u{33ff}\u{a69c}-\u{a69d}\u{a770}\u{a7f1}-\u{a7f4}\u{a7f8}-\u{a7f9}\u{ab5c}-\u{ab5f}\u{ab69}\u{fa2e}-\u{fa2f}\u{fa6b}-\u{fa6d}\u{fa70}-\u{fad9}\u{fe10}-\u{fe19}\u{fe47}-\u{fe48}\u{10781}-\u{107ba}\u{1ccd6}-\u{1ccf9}\u{1d4c1}\u{1d6a4}-\u{1d6a5}\u{1d7ca}-\u{1d7cb}\u{1e030}-\u{1e06d}\u{1ee00}-\u{1eebb}\u{1f100}-\u{1f10a}\u{1f110}-\u{1f12e}\u{1f130}-\u{1f14f}\u{1f16a}-\u{1f16c}\u{1f190}\u{1f200}-\u{1f248}\u{1f250}-\u{1f251}\u{1fbf0}-\u{1fbf9}]/u

/** RandALCat of RFC 3454, table D.1: letters that are written from right to left. The marks on them are none. */
const RIGHT_TO_LEFT =
  /[\u{5be}\u{5c0}\u{5c3}\u{5d0}-\u{5ea}\u{5f0}-\u{5f4}\u{61b}\u{61f}\u{621}-\u{63a}\u{640}-\u{64a}\u{66d}-\u{66f}\u{671}-\u{6d5}\u{6dd}\u{6e5}-\u{6e6}\u{6fa}-\u{6fe}\u{700}-\u{70d}\u{710}\u{712}-\u{72c}\u{780}-\u{7a5}\u{7b1}\u{200f}\u{fb1d}\u{fb1f}-\u{fb28}\u{fb2a}-\u{fb36}\u{fb38}-\u{fb3c}\u{fb3e}\u{fb40}-\u{fb41}\u{fb43}-\u{fb44}\u{fb46}-\u{fbb1}\u{fbd3}-\u{fd3d}\u{fd50}-\u{fd8f}\u{fd92}-\u{fdc7}\u{fdf0}-\u{fdfc}\u{fe70}-\u{fe74}\u{fe76}-\u{fefc}]/u

/** RFC 3454, table B.1: gone before anything is normalised. */
const MAPPED_TO_NOTHING =
  /[\u{ad}\u{1806}\u{200b}\u{2060}\u{feff}]|\u{34f}|[\u{180b}-\u{180d}]|\u{200c}|\u{200d}|[\u{fe00}-\u{fe0f}]/gu

/**
 * Where a text has such letters, what is allowed beside them and at its ends depends on the directions of its signs, and those may be others after
 * normalising: ₨ has none and becomes letters; אַ is a letter and becomes one with a mark, and ا with a mark after it one letter; a vowel sign
 * that stands alone (U+FE7E) becomes a space and a mark.
 */
function refuseChangeOfDirection(password: string): void {
  const mapped = password.replace(MAPPED_TO_NOTHING, '')
  const normal = mapped.normalize('NFKC')
  if (!RIGHT_TO_LEFT.test(mapped + normal)) return
  const signs = Array.from(mapped, (sign) => ({ sign, normal: sign.normalize('NFKC') }))
  const isKept = signs.every(
    (one) => one.normal === one.sign || Array.from(one.sign + one.normal).every((letter) => RIGHT_TO_LEFT.test(letter)),
  )
  // Signs that become one are fewer.
  if (isKept && normal.length === signs.map((one) => one.normal).join('').length) return
  throw new TrueupError(
    'apply-failed',
    'the password has right-to-left letters with signs that clients prepare in different ways; choose another',
  )
}
