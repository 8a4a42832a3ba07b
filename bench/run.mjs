// `npm run bench`: what trueup costs. Options: command.mjs.
import { affectedBenches } from './affected.mjs'
import { baseSideBenches } from './base-side.mjs'
import { benchCommand } from './command.mjs'
import { dataBenches } from './data.mjs'
import { digestBenches } from './digest.mjs'
import { dueQueueBenches } from './due-queue.mjs'
import { durableBenches } from './durable.mjs'
import { postgresAccessBenches } from './postgres-access.mjs'
import { queryBenches } from './query.mjs'
import { relationBenches } from './relations.mjs'
import { replayBenches } from './replay.mjs'
import { scheduleBenches } from './schedule.mjs'
import { skipBenches } from './skip.mjs'

await benchCommand([
  ...skipBenches,
  ...baseSideBenches,
  ...digestBenches,
  ...postgresAccessBenches,
  ...replayBenches,
  ...affectedBenches,
  ...dueQueueBenches,
  ...durableBenches,
  ...queryBenches,
  ...dataBenches,
  ...scheduleBenches,
  ...relationBenches,
])
