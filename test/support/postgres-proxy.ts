// Stands between a client and a PostgreSQL server and counts what the client sends. At the n-th statement it calls back, and either cuts the
// connection before the server sees it, or lets it through and cuts before the answer.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

export interface CutAt {
  /** From 1, over all sessions; only what comes in a transaction that may write counts. */
  readonly statement: number
  /** Statements that count. */
  readonly counts: RegExp
  readonly when: 'before' | 'after'
  /** Called when it is time; the connection is cut when this is over. */
  readonly first?: () => void | Promise<void>
}

export interface PostgresProxy extends AsyncDisposable {
  readonly port: number
  /** Statements that were counted. */
  readonly seen: readonly string[]
}

export async function startProxy(serverPort: number, cut: CutAt): Promise<PostgresProxy> {
  const seen: string[] = []
  const open = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(serverPort, '127.0.0.1')
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        open.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    let waiting: Buffer = Buffer.alloc(0)
    let hasStarted = false
    let mayWrite = false
    client.on('data', (chunk) => {
      waiting = Buffer.concat([waiting, chunk])
      for (;;) {
        // The first message has no letter; then each is a letter and a length that counts itself.
        const head = hasStarted ? 1 : 0
        if (waiting.length < head + 4) return
        const size = head + waiting.readUInt32BE(head)
        if (waiting.length < size) return
        const message = waiting.subarray(0, size)
        waiting = waiting.subarray(size)
        const text = hasStarted ? statementIn(message) : undefined
        hasStarted = true
        if (text !== undefined && text.startsWith('BEGIN')) mayWrite = text.startsWith('BEGIN READ WRITE')
        const isCut = text !== undefined && mayWrite && cut.counts.test(text) && seen.push(text) === cut.statement
        if (isCut && cut.when === 'before') {
          end()
          return
        }
        upstream.write(message)
        if (isCut) upstream.once('data', end)
        if (isCut) isMuted = true
      }
    })
    let isMuted = false
    const end = (): void => {
      void Promise.resolve(cut.first?.()).finally(() => {
        client.destroy()
        upstream.destroy()
      })
    }
    upstream.on('data', (chunk) => {
      if (!isMuted) client.write(chunk)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    seen,
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of open) socket.destroy()
      await closed
    },
  }
}

/** The text of a simple query or of a parsed statement. */
function statementIn(message: Buffer): string | undefined {
  const letter = String.fromCharCode(message[0] ?? 0)
  if (letter === 'Q') return message.toString('utf8', 5, message.length - 1)
  if (letter !== 'P') return undefined
  const from = message.indexOf(0, 5) + 1
  return message.toString('utf8', from, message.indexOf(0, from))
}
