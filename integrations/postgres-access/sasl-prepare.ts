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

const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u

/** A sign such as ₨ has no direction, the letters of its normal form have one. */
function refuseChangeOfDirection(password: string): void {
  if (!RIGHT_TO_LEFT.test(password.normalize('NFKC'))) return
  for (const sign of password) {
    const normal = sign.normalize('NFKC')
    if (normal === sign || Array.from(sign + normal).every((one) => RIGHT_TO_LEFT.test(one))) continue
    throw new TrueupError(
      'apply-failed',
      'the password mixes right-to-left letters with signs that clients prepare in different ways; choose another',
    )
  }
}
