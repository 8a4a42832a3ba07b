// Who looks at a page, and what they may do. Types only.

/**
 * - `closed`: nobody may act here, for the reason given
 * - `reader`: may log in
 * - `actor`: may act; `csrf` must come back with each form
 */
export type Viewer =
  | { readonly kind: 'closed'; readonly why: string }
  | { readonly kind: 'reader' }
  | {
      readonly kind: 'actor'
      readonly name: string
      readonly csrf: string
      /** It can be logged out of; false: a proxy vouches for the user. */
      readonly hasSession: boolean
    }
