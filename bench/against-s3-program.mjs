// The least that a program of the AWS client can do: one GET of the key that it is given, or the bucket to get from.
import { CreateBucketCommand, GetObjectCommand, S3Client } from '@aws-sdk/client-s3'

const { ENDPOINT, BUCKET } = process.env
const [, , key] = process.argv
const client = new S3Client({ endpoint: ENDPOINT, region: 'us-east-1', forcePathStyle: true })
if (key === 'create-bucket') client.send(new CreateBucketCommand({ Bucket: BUCKET }))
else
  client
    .send(new GetObjectCommand({ Bucket: BUCKET, Key: key }))
    .then(({ Body }) => Body.transformToByteArray())
    .then((bytes) => {
      if (bytes.length === 0) throw new Error('the object is empty')
    })
