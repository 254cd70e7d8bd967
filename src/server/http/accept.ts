/** What a client likes best of what a route can write: HTTP content negotiation (RFC 9110, section 12.5.1). */

interface Choice {
  readonly type: string
  readonly q: number
}

/**
 * The index of the offered media type that an `Accept` header likes best. Equally liked ones go by the order of the
 * offers, and a client that takes none of them gets the first: an answer in another form is better than no answer.
 */
export function preferred(accept: string | undefined, offers: readonly string[]): number {
  if (accept === undefined || accept === '*/*') return 0
  const choices = accept.split(',').map(choice)
  const rated = offers.map((offer, index) => ({ index, q: quality(offer, choices) }))
  return rated.reduce((best, next) => (next.q > best.q ? next : best)).index
}

function choice(member: string): Choice {
  const [type = '', ...parameters] = member.split(';').map(part => part.trim().toLowerCase())
  const weight = parameters.find(parameter => parameter.startsWith('q='))?.slice(2)
  return { type, q: weight === undefined ? 1 : /^[01](\.\d{0,3})?$/.test(weight) ? Number(weight) : 0 }
}

/** The weight of the most precise choice that covers an offer. */
function quality(offer: string, choices: readonly Choice[]): number {
  const family = `${offer.slice(0, offer.indexOf('/'))}/*`
  for (const type of [offer, family, '*/*']) {
    const covering = choices.find(choice => choice.type === type)
    if (covering !== undefined) return covering.q
  }
  return 0
}
