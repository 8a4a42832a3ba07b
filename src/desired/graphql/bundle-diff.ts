// Two bundles in, what differs between them out, in the words of the JSON bundle: whole records by path. Schemas and types are not compared.
import { isDeepStrictEqual } from 'node:util'
import type { Json } from '../../event.js'
import type { DataBundle, DataFile, ResourceFile } from '../data/bundle.js'

export interface DatafileDifference {
  readonly datafilepath: string
  /** Of the new one, else of the old one. */
  readonly datafileschema: Json
  /** Absent for one that was added. */
  readonly old?: Json
  /** Absent for one that was removed. */
  readonly new?: Json
}

export interface ResourceDifference {
  readonly resourcepath: string
  readonly old?: ResourceFile
  readonly new?: ResourceFile
}

export interface BundleDifference {
  readonly datafiles: Readonly<Record<string, DatafileDifference>>
  readonly resources: Readonly<Record<string, ResourceDifference>>
}

export function diffBundles(base: DataBundle, head: DataBundle): BundleDifference {
  const datafiles = changed(base.data, head.data, isDeepStrictEqual)
  // Who refers to a resource may change without it.
  const resources = changed(base.resources, head.resources, (one, other) => one.sha256sum === other.sha256sum)
  return {
    datafiles: Object.fromEntries(
      datafiles.map((path) => [path, datafileDifference(base, head, path) as DatafileDifference]),
    ),
    resources: Object.fromEntries(
      resources.map((path) => [path, resourceDifference(base, head, path) as ResourceDifference]),
    ),
  }
}

/** One file, even if it is the same on both sides; undefined when neither has it. */
export function datafileDifference(base: DataBundle, head: DataBundle, path: string): DatafileDifference | undefined {
  const [old, now] = [base.data.get(path), head.data.get(path)]
  const schema = now?.['$schema'] ?? old?.['$schema']
  if (old === undefined && now === undefined) return undefined
  return {
    datafilepath: path,
    datafileschema: schema ?? null,
    ...(old === undefined ? {} : { old: record(old, path) }),
    ...(now === undefined ? {} : { new: record(now, path) }),
  }
}

/** As {@link datafileDifference}. */
export function resourceDifference(base: DataBundle, head: DataBundle, path: string): ResourceDifference | undefined {
  const [old, now] = [base.resources.get(path), head.resources.get(path)]
  if (old === undefined && now === undefined) return undefined
  return { resourcepath: path, ...(old === undefined ? {} : { old }), ...(now === undefined ? {} : { new: now }) }
}

function changed<T>(
  base: ReadonlyMap<string, T>,
  head: ReadonlyMap<string, T>,
  isSame: (one: T, other: T) => boolean,
): readonly string[] {
  return [...new Set([...base.keys(), ...head.keys()])].filter((path) => {
    const [old, now] = [base.get(path), head.get(path)]
    if (old === now) return false
    return old === undefined || now === undefined || !isSame(old, now)
  })
}

function record(file: DataFile, path: string): Json {
  return { ...file, path }
}
