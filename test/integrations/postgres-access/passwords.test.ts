// What is computed of passwords and written into comments, without a server.
import { describe, expect, it } from 'vitest'
import { readComment, writeComment } from '../../../integrations/postgres-access/marker.js'
import { identifier, literal } from '../../../integrations/postgres-access/names.js'
import { keyedDigest, scramVerifier } from '../../../integrations/postgres-access/password.js'
import { saslPrepare } from '../../../integrations/postgres-access/sasl-prepare.js'

describe('scramVerifier()', () => {
  it('gives what RFC 7677 gives for its example', async () => {
    const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
    expect(await scramVerifier('pencil', salt)).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    )
  })

  it.each(['', 'a\0b', 'half \ud83d'])('refuses %j, which no client can send', async (password) => {
    await expect(scramVerifier(password)).rejects.toMatchObject({ code: 'apply-failed' })
  })
})

describe('saslPrepare()', () => {
  it.each([
    ['I\u00ADX', 'IX'],
    ['user', 'user'],
    ['USER', 'USER'],
    ['\u00AA', 'a'],
    ['\u2168', 'IX'],
    ['é', 'é'],
    ['e\u0301', 'é'],
    ['\u0007é', '\u0007é'],
    ['\u0627\u0031', '\u0627\u0031'],
    ['𞸀', '𞸀'],
    ['ﻻ', 'لا'],
  ])('makes %j of it as the RFC or the server say: %j', async (password, prepared) => {
    expect(await saslPrepare(password)).toBe(prepared)
  })

  it.each(['ℵ', 'ס₨', '１ا'])(
    'refuses %j, which the RFC and the server prepare in different ways',
    async (password) => {
      await expect(saslPrepare(password)).rejects.toMatchObject({ code: 'apply-failed' })
    },
  )
})

describe('keyedDigest()', () => {
  it('tells passwords, roles and keys apart', () => {
    const digests = [
      keyedDigest('a', { key: 'k', role: 'r' }),
      keyedDigest('b', { key: 'k', role: 'r' }),
      keyedDigest('a', { key: 'l', role: 'r' }),
      keyedDigest('a', { key: 'k', role: 's' }),
    ]
    expect(new Set(digests).size).toBe(4)
    expect(keyedDigest('a', { key: 'k', role: 'r' })).toBe(digests[0])
  })
})

describe('the mark', () => {
  const marker = { target: `it's "x" }`, destination: 'a/b', password: { from: 'version 1', stored: 'ff' } }

  it.each(['', 'people read this', 'trueup: {"not":"a mark"} and more'])('comes back from behind %j', (text) => {
    expect(readComment(writeComment({ text, marker }))).toEqual({ text, marker })
  })

  it.each([null, 'words', 'trueup: {broken', 'trueup: {"target":1,"destination":"x"}', 'trueup: {"target":"x"}'])(
    'is not seen in %j',
    (comment) => {
      expect(readComment(comment).marker).toBeUndefined()
    },
  )
})

describe('quoting', () => {
  it('doubles what would end the text, whatever the server is set to', () => {
    expect(identifier('a"b')).toBe('"a""b"')
    expect(literal("it's")).toBe("'it''s'")
    expect(literal("\\' x")).toBe(" E'\\\\'' x'")
    expect(() => identifier('a\0b')).toThrow('NUL')
    expect(() => literal('a\0b')).toThrow('NUL')
    expect(() => identifier('é'.repeat(32))).toThrow('64 bytes')
  })
})
