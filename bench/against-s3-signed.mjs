// One GET of S3 without the AWS client: the request signed here (Signature Version 4), sent by Node's own client.
import { createHash, createHmac } from 'node:crypto'
import { get } from 'node:http'

const { ENDPOINT, BUCKET, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env
const [, , key] = process.argv
const { host, hostname, port } = new URL(ENDPOINT)
const sha256 = (text) => createHash('sha256').update(text).digest('hex')
const hmac = (secret, text) => createHmac('sha256', secret).update(text).digest()

const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
const scope = `${time.slice(0, 8)}/us-east-1/s3/aws4_request`
// Each part of a key is encoded once more (a `%` in it is one of the key itself), also the `!` that keys end with.
const encoded = (part) => encodeURIComponent(part).replaceAll('!', '%21')
const path = `/${BUCKET}/${key.split('/').map(encoded).join('/')}`
const headers = { host, 'x-amz-content-sha256': sha256(''), 'x-amz-date': time }
const names = Object.keys(headers).join(';')
const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`)
const request = ['GET', path, '', lines.join(''), names, sha256('')].join('\n')
const secret = scope.split('/').reduce((at, part) => hmac(at, part), `AWS4${AWS_SECRET_ACCESS_KEY}`)
const signature = hmac(secret, ['AWS4-HMAC-SHA256', time, scope, sha256(request)].join('\n')).toString('hex')
const authorization = `AWS4-HMAC-SHA256 Credential=${AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=${names}, Signature=${signature}`

get({ hostname, port, path, headers: { ...headers, authorization } }, (response) => {
  let size = 0
  response.on('data', (chunk) => (size += chunk.length))
  response.on('end', () => {
    if (response.statusCode !== 200 || size === 0) throw new Error(`S3 answered ${String(response.statusCode)}`)
  })
})
